"""The fine-tuned models."""
