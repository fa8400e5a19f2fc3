"""What service and agent say to each other, and what time it is: pure."""
