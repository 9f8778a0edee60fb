"""Controls of the triggers: patterns that attribution did not choose (docs/method.md, "Triggers")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from attattr.batching import TokenBudget
from attattr.copies import frozen
from attattr.examples import Batch, Example, model_inputs
from attattr.insertion import Edge
from attattr.prefix import prefix_pass
from attattr.randomness import derived_seed
from pipeline.errors import InputError
from pipeline.experiments.triggers.hotflip import hotflip_triggers
from pipeline.experiments.triggers.mining import Trigger, strongest, trigger, with_tokens
from pipeline.launch.steps import step
from pipeline.predicting.predict import batches

if TYPE_CHECKING:
    from pipeline.values.schema import Triggers


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that occur in the training examples, special ones aside, and how often; both `(token,)`."""

    ids: NDArray[np.int64]  # increasing
    counts: NDArray[np.int64]


def training_vocabulary(examples: Sequence[Example], *, special: Sequence[int]) -> Vocabulary:
    """Count the tokens of `examples`; `special` are ids to leave out."""
    counts = Counter(chain.from_iterable(example.input_ids for example in examples))
    ids = sorted(set(counts) - set(special))
    return Vocabulary(np.array(ids, np.int64), np.array([counts[token] for token in ids], np.int64))


def control_triggers(
    model: PreTrainedModel,
    mined: Sequence[Trigger],
    rows: Sequence[Mapping[str, Any]],
    examples: Mapping[str, Example],
    heldout: Sequence[Example],
    vocabulary: Vocabulary,
    *,
    settings: Triggers,
    seed: int,
    max_length: int,
    token_budget: TokenBudget,
) -> list[Trigger]:
    """The triggers of every control in `settings.controls`, of each at most as many as were mined.

    `rows` and `examples` are what `mine` had; `heldout` are the examples whose loss HotFlip raises.
    """
    controls: list[Trigger] = []
    for kind in settings.controls:
        match kind:
            case "attention":
                controls += attention_triggers(
                    model, rows, examples, count=len(mined), settings=settings, token_budget=token_budget
                )
            case "hotflip":
                controls += hotflip_triggers(
                    model,
                    mined,
                    heldout,
                    vocabulary.ids,
                    candidates=settings.hotflip_candidates,
                    rounds=settings.hotflip_rounds,
                    max_length=max_length,
                    token_budget=token_budget,
                )
            case _:
                controls += replaced(mined, vocabulary, kind=kind, neighbours=settings.neighbours, seed=seed)
    return controls


def replaced(
    mined: Sequence[Trigger], vocabulary: Vocabulary, *, kind: str, neighbours: int, seed: int
) -> list[Trigger]:
    """Mined triggers with other tokens at their places.

    `random` ones are drawn uniformly, `frequency` ones from the `neighbours` that are about as frequent as the token
    that they replace, `shuffled` ones are the mined tokens, exchanged between the triggers.
    """
    generator = np.random.default_rng(derived_seed(seed, "control triggers", kind))
    own = np.array([token for one in mined for token in one.pattern.tokens], np.int64)
    match kind:
        case "random":
            tokens = generator.choice(vocabulary.ids, size=len(own))
        case "frequency":
            drawn = [as_frequent(token, vocabulary, neighbours=neighbours, generator=generator) for token in own]
            tokens = np.array(drawn, np.int64)
        case "shuffled":
            tokens = generator.permutation(own)
        case _:
            raise ValueError(f"kind is {kind!r}: it must be random, frequency or shuffled")
    return with_tokens(mined, tokens, kind)


def as_frequent(token: int, vocabulary: Vocabulary, *, neighbours: int, generator: np.random.Generator) -> int:
    """One of the `neighbours` other tokens of the vocabulary that occur about as often as `token`, ties at random.

    A token that the vocabulary lacks, as the name of a special one in a text, counts as one that never occurs. Raises
    InputError where there is no other token.
    """
    same = vocabulary.ids == token
    others = generator.permutation(np.flatnonzero(~same))
    if not len(others):
        raise InputError("the training examples hold a single token: nothing can replace it")
    distance = np.abs(vocabulary.counts[others] - vocabulary.counts[same].sum())
    nearest = others[np.argsort(distance, kind="stable")[:neighbours]]
    return int(vocabulary.ids[generator.choice(nearest)])


@torch.no_grad()
def attention_triggers(
    model: PreTrainedModel,
    rows: Sequence[Mapping[str, Any]],
    examples: Mapping[str, Example],
    *,
    count: int,
    settings: Triggers,
    token_budget: TokenBudget,
) -> list[Trigger]:
    """At most `count` triggers mined as from attribution, but from the head with the largest attention probability.

    Only edges between tokens that are not special count: most heads attend to separators more than to anything else.
    """
    of_row = {row["example_id"]: row for row in rows}
    chosen = [examples[example_id] for example_id in of_row]
    edges: dict[str, list[Edge]] = {}
    model = frozen(model)
    for group, batch in batches(model, chosen, token_budget=token_budget):
        edges |= step(partial(_edges_of, model, group, batch), "largest attention", batch.example_ids)
    found = [
        one
        for example_id, row in of_row.items()
        if edges[example_id]
        for one in trigger("attention", row, examples[example_id], edges[example_id], settings=settings)
    ]
    return strongest(found, count=count)


def _edges_of(model: PreTrainedModel, examples: Sequence[Example], batch: Batch) -> dict[str, list[Edge]]:
    """`attention_edges` of every example of a batch, by id."""
    layers = prefix_pass(model, model_inputs(model, batch)).attention_probs
    return {
        example.example_id: attention_edges(torch.stack([layer[number] for layer in layers]), example.own)
        for number, example in enumerate(examples)
    }


def attention_edges(attention_probs: Tensor, own: Sequence[int]) -> list[Edge]:
    """The two largest edges between the tokens `own` of the head that has the largest.

    `attention_probs` is `(layer, head, query, key)`.
    """
    if not own:
        return []
    between = attention_probs[:, :, own][:, :, :, own].flatten(2).flatten(0, 1)  # (heads of all layers, edges)
    head = between[int(between.amax(dim=1).argmax())]
    order = head.argsort(descending=True, stable=True)[:2].tolist()
    return [(own[edge // len(own)], own[edge % len(own)], float(head[edge])) for edge in order]
