"""``idp clients new``: a service's file from questions or flags, and what its own people paste."""
