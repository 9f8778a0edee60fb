"""Self-attention attribution: the pipeline's stages and the method they share."""
