"""Where requests and events come in: HTTP, Lambda, and what a deployment says."""
