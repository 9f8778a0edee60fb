"""A planted shortcut."""
