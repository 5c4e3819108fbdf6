"""People, their accounts, authenticators and delegations. Knows no Flask request."""
