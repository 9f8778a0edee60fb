"""The values of params.yaml, checked; where files are, and how they are written."""
