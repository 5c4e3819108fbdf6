"""Configuration files with the place of every key, and errors that say where and what is expected."""

from idp.configuration.document import Document, read_document
from idp.configuration.errors import ConfigurationError, ConfigurationErrors, NotRead
from idp.configuration.expectations import validated

__all__ = ["ConfigurationError", "ConfigurationErrors", "Document", "NotRead", "read_document", "validated"]
