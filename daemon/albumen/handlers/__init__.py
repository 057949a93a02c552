"""One step on one item."""
