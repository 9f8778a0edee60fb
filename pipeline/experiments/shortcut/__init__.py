"""A planted shortcut: found by scores of edges, and pruned away."""
