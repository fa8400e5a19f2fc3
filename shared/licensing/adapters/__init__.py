"""What speaks to the outside world: the table, the bus, the secret, sign-in, the log."""
