"""Attribution of a whole data set: the Lightning job and what it keeps per example."""
