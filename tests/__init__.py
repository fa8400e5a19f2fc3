"""The tests, and the local stack that they and `make run` start."""
