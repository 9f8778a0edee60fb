"""Statistics: intervals, bootstrap, curves. Numpy alone."""
