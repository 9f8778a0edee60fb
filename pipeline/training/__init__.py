"""Fine-tuning and predicting with a sequence classifier."""
