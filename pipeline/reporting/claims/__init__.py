"""The table of claims, and that of choices which the paper leaves open."""
