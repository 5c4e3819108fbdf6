"""The account's own pages: who it is, and who may act for it."""
