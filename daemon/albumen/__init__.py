"""albumen: a long-running daemon that looks after a photo and video collection."""

__version__ = "0.1.0"
