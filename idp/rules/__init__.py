"""What the fund decides, as pure functions of the standard library: no Flask, no SQL, no clock of their own."""
