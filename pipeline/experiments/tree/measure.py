"""Attribution trees: how much of the prediction their edges carry, beside sets of edges of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.batching import TokenBudget, resolve_token_budget
from attattr.edge_sets import complement, open_rows
from attattr.examples import Example, inputs_of
from attattr.faithfulness import edge_masked_logits
from attattr.inputs import Inputs
from attattr.tree import AttributionTree
from pipeline.experiments.tree.arms import RIVALS, arms_of, shares_of
from pipeline.measuring.edge_maps import edge_maps
from pipeline.terminal.progress import progress
from pipeline.values.columns import ATTRIBUTION, RANDOM
from pipeline.values.edge_methods import EDGE_METHODS
from pipeline.values.store import read_rows

if TYPE_CHECKING:
    from pipeline.values.schema import Tree


class Measured(NamedTuple):
    """Rows of outcomes: of sets of edges, and of the largest edges by share."""

    outcomes: list[dict[str, Any]]
    shares: list[dict[str, Any]]


def read_head_sums(attributions: Path) -> dict[str, Tensor]:
    """Head-summed maps `(layer, query, key)` of the dev examples, predicted class, by example id."""
    rows = read_rows(attributions / "maps.parquet", columns=["example_id", "n", "head_sum"])
    return {
        row["example_id"]: torch.tensor(row["head_sum"], dtype=torch.float64).view(-1, row["n"], row["n"])
        for row in rows
    }


def segments_of(example: Example) -> list[int]:
    """0 up to the special token behind the first text, 1 from there on: not every family has token types."""
    first_stop = example.segments[0][1]
    return [int(place > first_stop) for place in range(len(example))]


def edge_rows(example: Example, tree: AttributionTree, *, layers: int) -> list[dict[str, Any]]:
    """One row per edge, with what the receptive field needs to know of its ends."""
    special = example.special
    segments = segments_of(example)
    return [
        {"example_id": example.example_id, **edge._asdict(), "terminal": edge.layer == layers - 1}
        | {"special": special[edge.query] or special[edge.key]}
        | {"cross": segments[edge.query] != segments[edge.key], "pair": 1 in segments}
        for edge in tree.edges
    ]


def measure(
    model: PreTrainedModel,
    examples: Sequence[Example],
    head_sums: dict[str, Tensor],
    *,
    settings: Tree,
    seed: int,
    token_budget: TokenBudget,
) -> Measured:
    """What every set of edges of every example carries: probabilities of the class that the whole model predicts.

    `outcomes` has one row per example and arm (see `arms_of`): with all edges (`full`), with the arm's alone (`only`),
    with all but these (`without`). `open` says that the rows of special tokens are left open, for what has the size of
    the tree at the settings' threshold, save random trees. `shares` has one row per example, map and share of edges.
    """
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples)))
    found = Measured([], [])
    for example in progress(examples, description="mask edges"):
        name = example.example_id
        inputs = inputs_of(model, [example])
        maps = {ATTRIBUTION: head_sums[name], **rival_maps(model, inputs)}
        arms = arms_of(maps, name, settings=settings, seed=seed)
        shares = shares_of(maps, name, settings=settings, seed=seed)
        opened = [arm for arm in arms if arm.tau == settings.tau and arm.name != RANDOM]
        special = torch.tensor(example.special)
        masks = [torch.ones_like(maps[ATTRIBUTION]) > 0, *(part.kept for part in shares)]
        masks += [mask for arm in arms for mask in (arm.kept, complement(arm.kept))]
        masks += [open_rows(mask, special) for arm in opened for mask in (arm.kept, complement(arm.kept))]
        logits = edge_masked_logits(model, inputs, torch.stack(masks), token_budget=budget)
        probability = logits.softmax(dim=-1)[:, logits[0].argmax()]  # of the class that the whole model predicts
        full, of_shares, of_arms = probability.split([1, len(shares), len(masks) - 1 - len(shares)])
        known = {"example_id": name, "full": float(full)}
        for part, value in zip(shares, of_shares.tolist(), strict=True):
            found.shares.append({**known, "map": part.name, "share": part.share, "only": value})
        both = [(arm, False) for arm in arms] + [(arm, True) for arm in opened]
        for (arm, is_open), (kept, removed) in zip(both, of_arms.view(-1, 2).tolist(), strict=True):
            facts = {"arm": arm.name, "tau": arm.tau, "open": is_open, "edges": arm.edges, "missing": arm.missing}
            facts |= {"objective": arm.objective, "proven": arm.proven}
            found.outcomes.append({**known, **facts, "only": kept, "without": removed})
    return found


def rival_maps(model: PreTrainedModel, inputs: Inputs) -> dict[str, Tensor]:
    """Maps `(layer, query, key)` of the one example by the `RIVALS`, over all heads: of the predicted class."""
    maps = edge_maps(model, inputs, {name: EDGE_METHODS[name] for name in RIVALS})
    return {name: values.sum(dim=1).double().cpu() for name, values in maps.items()}
