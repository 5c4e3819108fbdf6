"""Signing out, here and at every service that the session reached."""
