"""Measurements of the attribution engine: speed, its limit, growth and precision (README.md says how to run them)."""
