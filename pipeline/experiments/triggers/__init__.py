"""Adversarial triggers: mined, controlled, inserted."""
