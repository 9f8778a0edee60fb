"""Models whose carrying edges are known."""
