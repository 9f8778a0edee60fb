"""What `explain` is made of."""
