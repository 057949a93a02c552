"""Pure functions on files: what they are, when they were taken, what they shall be called."""
