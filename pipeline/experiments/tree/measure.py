"""Attribution trees: how much of the prediction their edges carry, beside sets of edges of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
from pipeline.launch.steps import step
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
    with all but these (`without`, None of random trees of another threshold: nothing asks for it). `open` says that the
    rows of special tokens are left open, for what has the size of the tree at the settings' threshold, save random
    trees. `shares` has one row per example, map and share of edges.
    """
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples)))
    found = Measured([], [])
    for example in progress(examples, description="mask edges"):
        own = head_sums[example.example_id]
        measured = partial(_of_one, model, example, own, settings=settings, seed=seed, token_budget=budget)
        parts = step(lambda measured=measured: tuple(measured()), "mask edges", example.example_id)
        for rows, more in zip(found, parts, strict=True):
            rows += more
    return found


def _of_one(
    model: PreTrainedModel, example: Example, head_sum: Tensor, *, settings: Tree, seed: int, token_budget: int
) -> Measured:
    found, name = Measured([], []), example.example_id
    inputs = inputs_of(model, [example])
    maps = {ATTRIBUTION: head_sum, **rival_maps(model, inputs)}
    arms = arms_of(maps, name, settings=settings, seed=seed)
    shares = shares_of(maps, name, settings=settings, seed=seed)
    opened = [arm for arm in arms if arm.tau == settings.tau and arm.name != RANDOM]
    alone = [arm.tau != settings.tau and arm.name == RANDOM for arm in arms]
    special = torch.tensor(example.special)
    masks = [torch.ones_like(maps[ATTRIBUTION]) > 0, *(part.kept for part in shares)]
    masks += [arm.kept for arm in arms]
    masks += [complement(arm.kept) for arm, only in zip(arms, alone, strict=True) if not only]
    masks += [open_rows(arm.kept, special) for arm in opened]
    masks += [open_rows(complement(arm.kept), special) for arm in opened]
    logits = edge_masked_logits(model, inputs, torch.stack(masks), token_budget=token_budget)
    probability = logits.softmax(dim=-1)[:, logits[0].argmax()]  # of the class that the whole model predicts
    sizes = [1, len(shares), len(arms), alone.count(False), len(opened), len(opened)]
    full, of_shares, kept, removed, open_kept, open_removed = (part.tolist() for part in probability.split(sizes))
    left = iter(removed)
    removed = [None if only else next(left) for only in alone]
    known = {"example_id": name, "full": full[0]}
    for part, value in zip(shares, of_shares, strict=True):
        found.shares.append({**known, "map": part.name, "share": part.share, "only": value})
    asked = [*zip(arms, kept, removed, strict=True), *zip(opened, open_kept, open_removed, strict=True)]
    for number, (arm, only, without) in enumerate(asked):
        facts = {"arm": arm.name, "tau": arm.tau, "open": number >= len(arms)}
        facts |= {"edges": arm.edges, "missing": arm.missing, "objective": arm.objective, "proven": arm.proven}
        found.outcomes.append({**known, **facts, "only": only, "without": without})
    return found


def rival_maps(model: PreTrainedModel, inputs: Inputs) -> dict[str, Tensor]:
    """Maps `(layer, query, key)` of the one example by the `RIVALS`, over all heads: of the predicted class."""
    maps = edge_maps(model, inputs, {name: EDGE_METHODS[name] for name in RIVALS})
    return {name: values.sum(dim=1).double().cpu() for name, values in maps.items()}
