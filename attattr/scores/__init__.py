"""Edge scores: how much it matters that a query reads a key, by every method there is, a file each.

Each file has one function, `score`, and all are called alike, by `edge_scores`. A new score is a file.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

from torch import Tensor
from transformers import PreTrainedModel

from attattr.batching import TokenBudget
from attattr.errors import AttributionError
from attattr.families import check_family
from attattr.inputs import checked_inputs
from attattr.output import Output

SCORES: tuple[str, ...] = tuple(sorted(module.name for module in iter_modules(__path__)))


def edge_scores(
    model: PreTrainedModel,
    score: str,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    target: Tensor | int | Literal["predicted"],
    output: Output = "probability",
    token_budget: TokenBudget = "auto",
) -> Tensor:
    """The one of `SCORES` of every attention edge, `(batch, layer, head, query, key)`; zero at padding.

    A score that heads have together has one head (`contribution`). All arguments are as for `attribute`: scores explain
    the `output` of the class `target`, save those that are the same for every class (`attention`, `value_weighted`,
    `contribution`).

    Raises AttributionError for a score that there is not, and as `attribute` does for a model or an input.
    """
    if score not in SCORES:
        raise AttributionError(f"score is {score!r}: it must be one of {', '.join(SCORES)}")
    check_family(model)
    inputs = checked_inputs(model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
    # Only what is asked for is imported.
    module = import_module(f"attattr.scores.{score}")
    return module.score(model, inputs, target=target, output=output, token_budget=token_budget)
