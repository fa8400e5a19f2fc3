"""What speaks to the outside world: the table, the bus, the identity provider, the log."""
