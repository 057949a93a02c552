"""The only place that changes a person's file."""
