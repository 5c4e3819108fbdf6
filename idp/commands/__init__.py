"""One module for each verb of the `idp` command; it holds `command`."""
