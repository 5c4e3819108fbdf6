"""The demonstration: seeded people, provider and portal on loopback, and the story walked over HTTP."""
