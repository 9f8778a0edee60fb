"""Heads of the whole model pruned."""
