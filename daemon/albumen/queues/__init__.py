"""Keep jobs until they are done."""
