"""What the service does: a verb to a module, what they share, and the ports that they name."""
