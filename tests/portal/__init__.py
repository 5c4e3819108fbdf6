"""The FSE portal, driven against a stand-in provider on loopback."""
