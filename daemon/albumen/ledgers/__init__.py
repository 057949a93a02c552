"""Every deed, kept."""
