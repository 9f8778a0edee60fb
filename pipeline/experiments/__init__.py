"""The paper's experiments on a fine-tuned model: what each stage runs through the model."""
