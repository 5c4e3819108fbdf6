"""The API by which a portal shows assistants in a tab of its own."""
