"""The human journey: home, sign-in transaction, its dispatcher and steps, and the single sign-on session."""
