"""The main numbers."""
