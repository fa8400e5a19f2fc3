"""What is kept on the machine: files that are there as a whole, locked, encrypted."""
