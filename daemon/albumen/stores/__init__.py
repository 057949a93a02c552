"""Hold bytes under paths."""
