"""One grant a file. Each takes what it spends in one transaction with everything that it writes."""
