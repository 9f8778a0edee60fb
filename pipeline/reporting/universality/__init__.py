"""Important heads of other tasks."""
