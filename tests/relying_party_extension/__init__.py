"""The Flask extension that makes a portal a relying party, as a portal team uses it."""
