"""Readers of single formats: each fills a ``Draft`` from a ``Window`` and reads no more than it must."""
