"""Tests of settings, client files, their errors, and `idp config`."""
