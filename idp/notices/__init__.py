"""What people are told of their account: queued with the act itself, sent by the worker."""
