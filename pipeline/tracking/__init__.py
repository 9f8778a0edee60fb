"""Runs in Weights & Biases: what stages measured, what they read and left. It changes no result."""
