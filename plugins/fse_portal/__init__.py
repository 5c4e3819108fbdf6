"""The FSE portal: a relying party of the provider, sharing neither code nor database with it."""
