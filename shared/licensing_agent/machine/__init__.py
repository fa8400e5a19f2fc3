"""The machine that the agent runs on, as each platform knows it."""
