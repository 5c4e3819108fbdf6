"""The authorization endpoint: a request read once, checked, and answered."""
