"""What `make repro` does: what there is to do, the processes that do it, and what a killed one has left."""
