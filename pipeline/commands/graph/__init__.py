"""What a stage runs of the source, found in it."""
