"""Scores of edges beside exact knock-outs."""
