"""A Flask portal becomes a relying party of the provider in ten lines."""
