"""How far the edges of trees reach."""
