"""Statistics, intervals, verdicts: numpy and scipy alone."""
