"""What a store may answer besides a value."""

from __future__ import annotations


class StorageUnavailable(Exception):
    """The store cannot serve now: gone, full, locked for too long or read-only.

    Nothing was read. A write that was under way is wholly done or not at all; which of the two is unknown
    when the connection broke as it ended. The cause (``__cause__``) names the server, never a value.
    """


class SealBroken(Exception):
    """A sealed text was altered, belongs to another row, or its key is not in the keyring."""
