"""HotFlip: the gradient's own choice of tokens at the places of the mined ones (docs/method.md, "Triggers")."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.batching import TokenBudget
from pipeline.attattr.triggers import embedding_gradient, insert
from pipeline.experiments.triggers.mining import Trigger, with_tokens
from pipeline.predicting.examples import Example
from pipeline.predicting.predict import batches, model_inputs


def hotflip_triggers(
    model: PreTrainedModel,
    mined: Sequence[Trigger],
    examples: Sequence[Example],
    vocabulary: NDArray[np.int64],
    *,
    max_length: int,
    token_budget: TokenBudget,
) -> list[Trigger]:
    """Mined triggers after one first-order step: each token becomes the one that raises the loss of `examples` most.

    The loss is linear in the word embedding of an inserted token, with the gradient's mean over `examples` as slope;
    the step maximises it over the ids `vocabulary` for every token on its own.
    """
    if not mined:
        return []
    gradient = _trigger_gradient(model, mined, examples, max_length=max_length, token_budget=token_budget)
    embeddings = _embeddings(model)[torch.from_numpy(vocabulary).to(model.device)].double().cpu()
    best = vocabulary[(gradient @ embeddings.T).argmax(dim=1).numpy()]
    # A token that is cut off in every example has no gradient, and stays.
    own = np.array([token for one in mined for token in one.pattern.tokens], np.int64)
    return with_tokens(mined, np.where(gradient.any(dim=1).numpy(), best, own), "hotflip")


def _embeddings(model: PreTrainedModel) -> Tensor:
    """The word embeddings, `(vocabulary, width)`."""
    return model.get_input_embeddings().get_parameter("weight").detach()


def _trigger_gradient(
    model: PreTrainedModel,
    mined: Sequence[Trigger],
    examples: Sequence[Example],
    *,
    max_length: int,
    token_budget: TokenBudget,
) -> Tensor:
    """Gradient of the gold loss at every trigger's tokens, summed over examples, `(token of any trigger, width)`."""
    changed: list[Example] = []
    inserted: dict[str, list[tuple[int, int]]] = {}  # of each changed example: tokens of any trigger, and their places
    first = 0
    for number, one in enumerate(mined):
        for example in examples:
            result = insert(
                example.input_ids, example.token_type_ids, example.segments, one.pattern, max_length=max_length
            )
            name = f"{example.example_id} with trigger {number}"
            changed.append(Example(name, result.input_ids, result.token_type_ids, example.label, result.segments))
            inserted[name] = [(first + n, place) for n, place in enumerate(result.places) if place is not None]
        first += len(one.pattern.tokens)
    total = torch.zeros(first, _embeddings(model).shape[1], dtype=torch.float64)
    for group, batch in batches(model, changed, token_budget=token_budget):
        inputs = model_inputs(model, batch).arguments()
        gradient = embedding_gradient(model, **inputs, labels=batch.labels)
        found = [(row, *pair) for row, example in enumerate(group) for pair in inserted[example.example_id]]
        rows, tokens, places = torch.tensor(found, dtype=torch.long).view(-1, 3).unbind(dim=1)
        total.index_add_(0, tokens, gradient[rows, places].double().cpu())
    return total
