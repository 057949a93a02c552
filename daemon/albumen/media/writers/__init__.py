"""What people entered, written where other programs read it."""
