"""Adversarial triggers."""
