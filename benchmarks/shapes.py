"""BERT classifiers of any shape with random weights, and random inputs: time and memory do not depend on training."""

import torch
from transformers import BertConfig, BertForSequenceClassification

from attattr.inputs import Inputs

VOCABULARY = 1000
BASE = {"hidden": 768, "layers": 12, "heads": 12}
# Wider than BERT's own 0.02, so that F turns along the path as a trained model's does.
DEVIATION = 0.03


def bert(*, hidden: int, layers: int, heads: int, seed: int, device: str) -> BertForSequenceClassification:
    """A BERT with seeded random weights, two classes and 512 positions."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=512,
        initializer_range=DEVIATION,
    )
    return BertForSequenceClassification(config).to(device).eval()


def random_inputs(*, batch: int, n: int, seed: int, device: str) -> Inputs:
    """`batch` inputs of `n` tokens without padding."""
    ids = torch.randint(VOCABULARY, (batch, n), generator=torch.Generator().manual_seed(seed)).to(device)
    return Inputs(ids, torch.ones_like(ids), torch.zeros_like(ids))
