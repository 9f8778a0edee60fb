"""What several experiments measure with: maps of edges, importance and orders of heads, agreement."""
