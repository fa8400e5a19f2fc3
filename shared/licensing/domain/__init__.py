"""The rules: pure, with `now` and randomness handed in. Imports nothing but itself."""
