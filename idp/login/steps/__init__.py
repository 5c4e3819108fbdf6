"""The pages of a sign-in, one a file: what it shows, and what one attempt on it does."""
