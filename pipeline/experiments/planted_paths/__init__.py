"""Models in which the edges that carry the prediction are known by construction."""
