"""One event type a sensitive act; append-only."""
