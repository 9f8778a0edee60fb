"""A fine-tuned model over examples: loading it, batches, logits, head masks."""
