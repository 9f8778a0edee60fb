"""Universality: a model's heads masked in the order that another task's model gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.measuring.head_orders import Ranking, pruned_predictions, random_rankings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example
    from pipeline.values.schema import Prune


def next_seed(seeds: Sequence[int], seed: int) -> int | None:
    """The seed after `seed`, the lowest after the highest; None where there is no other."""
    others = [other for other in seeds if other != seed]
    later = [other for other in others if other > seed]
    return min(later or others, default=None)


def foreign_outcomes(
    model: PreTrainedModel,
    examples: Sequence[Example],
    importance: Mapping[str, Tensor],
    *,
    settings: Prune,
    seed: int,
    token_budget: TokenBudget,
) -> dict[str, NDArray[Any]]:
    """The class predicted for every example with heads masked by each ranking, as columns of a long table.

    `importance` holds one `(layer, head)` tensor for every ranking by which `model` is pruned: those of all tasks, its
    own among them, and `same_task` where there is another seed. `random` are the random orders of `prune`. The columns
    are ranking, order, rate, n_masked, example_id, label, predicted.
    """
    orders = [Ranking(name, "", 0, values) for name, values in importance.items()]
    orders += random_rankings(orders[0].importance.shape, count=settings.random_orders, seed=seed)
    columns = pruned_predictions(model, examples, orders, settings=settings, seed=seed, token_budget=token_budget)
    kept = {name: values for name, values in columns.items() if name != "normalise"}
    return {"ranking": kept.pop("method"), **kept}
