"""Models without the heads that do not matter, as files that others open."""
