"""What the service does, one verb to a module, against the ports that it names."""
