"""Look at a place and say what is new."""
