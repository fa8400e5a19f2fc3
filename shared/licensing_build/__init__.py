"""What is generated from the code and committed: run ``make generate``. No part of what ships."""
