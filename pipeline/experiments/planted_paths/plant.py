"""Texts whose label travels along known edges, and the model that may read no others (docs/method.md, "Planted paths").

Two layers. A text holds one or two pairs of deciding words. In the first layer the second word of a pair may read the
first, in the second layer the classifier's token may read the second; each of these readers may also read one word that
decides nothing; and every token itself. So the label has no other way, and as many edges lead nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from attattr.examples import Example
from attattr.pattern import restrict_attention
from attattr.randomness import derived_seed

Design = Literal["one path", "two paths"]
Edge = tuple[int, int, int]  # layer, query, key

PAIRS: dict[Design, int] = {"one path": 1, "two paths": 2}
PAD, CLS, SEP = 0, 1, 2
SIGNS, FILLERS = 8, 24  # words of each kind: half of the signs are positive
FIRST_SIGN = 3
FIRST_FILLER = FIRST_SIGN + SIGNS
LAYERS = 2
SPARE = 2  # words that nobody reads


@dataclass(frozen=True)
class Circuit:
    """Where the words of a design stand, the edges that carry the label and those that carry nothing."""

    n: int
    pairs: list[tuple[int, int]]  # first and second word of each pair
    path: list[Edge]
    distractors: list[Edge]

    @property
    def allowed(self) -> Tensor:
        """`(layer, n, n)`: these edges, and every token itself."""
        allowed = torch.eye(self.n, dtype=torch.bool).repeat(LAYERS, 1, 1)
        for edge in (*self.path, *self.distractors):
            allowed[edge] = True
        return allowed


def draw_circuit(design: Design, *, seed: int) -> Circuit:
    """Places drawn for the seed, between the classifier's token and the separator at the end."""
    pairs = PAIRS[design]
    words = 2 * pairs + 2 * pairs + SPARE
    generator = np.random.default_rng(derived_seed(seed, "planted path", design))
    places = (1 + generator.permutation(words)).tolist()
    found, path, distractors = [], [], []
    for _ in range(pairs):
        first, second, aside, apart = (places.pop() for _ in range(4))
        found.append((first, second))
        path += [(0, second, first), (1, 0, second)]
        distractors += [(0, second, aside), (1, 0, apart)]
    return Circuit(words + 2, found, path, distractors)


def texts(circuit: Circuit, count: int, *, seed: int, split: str) -> list[Example]:
    """Texts whose label is 1 where the two words of a pair are of the same sign, 0 otherwise.

    Of two pairs both say the same, and either suffices: in two thirds of the training texts one of them is missing.
    """
    generator = np.random.default_rng(derived_seed(seed, "planted texts", len(circuit.pairs), split))
    examples = []
    for number in range(count):
        label = number % 2
        ids = generator.integers(FIRST_FILLER, FIRST_FILLER + FILLERS, circuit.n)
        ids[0], ids[-1] = CLS, SEP
        missing = int(generator.integers(0, 3)) if split == "train" and len(circuit.pairs) > 1 else None
        for place, pair in enumerate(circuit.pairs):
            if place != missing:
                ids[list(pair)] = _signs(generator, same=label == 1)
        example_id = f"{split}-{number}"
        examples.append(Example(example_id, ids.tolist(), [0] * circuit.n, label, [[1, circuit.n - 1]]))
    return examples


def _signs(generator: np.random.Generator, *, same: bool) -> list[int]:
    """Two words, of the same sign or not."""
    half = SIGNS // 2
    first = int(generator.integers(0, 2))
    second = first if same else 1 - first
    return [FIRST_SIGN + sign * half + int(generator.integers(0, half)) for sign in (first, second)]


def draw_model(circuit: Circuit, *, seed: int) -> BertForSequenceClassification:
    """A small BERT with new weights that reads along the circuit's edges alone."""
    torch.manual_seed(derived_seed(seed, "initial weights", "planted path", len(circuit.pairs)))
    config = BertConfig(
        vocab_size=FIRST_FILLER + FILLERS,
        hidden_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=circuit.n,
        initializer_range=0.2,  # as in the preset mini: BERT's 0.02 hardly trains at this width
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
    )
    model = BertForSequenceClassification(config)  # of two labels, as configs are by default
    restrict_attention(model, circuit.allowed)
    return model


def kinds(circuit: Circuit) -> Sequence[tuple[Edge, bool]]:
    """Every edge that may be read, but for those of a token to itself, and whether it carries the label."""
    return [*((edge, True) for edge in circuit.path), *((edge, False) for edge in circuit.distractors)]
