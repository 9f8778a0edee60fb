"""Heads masked in every layer."""
