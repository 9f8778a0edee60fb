"""Attribution trees: how much of the prediction their edges carry, beside sets of edges of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.batching import TokenBudget, resolve_token_budget
from pipeline.attattr.branching import Masks, masked_passes, under_edge_masks
from pipeline.attattr.faithfulness import only, open_rows, without
from pipeline.attattr.families import describe
from pipeline.attattr.prefix import entering, frozen
from pipeline.attattr.tree import AttributionTree, TreeEdge, objective
from pipeline.experiments.tree.arms import (
    build,
    optimum,
    random_trees,
    rival_maps,
    rival_tree,
    top_edges,
    with_terminals,
)
from pipeline.predicting.examples import Batch, Example, collate
from pipeline.predicting.predict import model_inputs
from pipeline.values.store import read_rows

if TYPE_CHECKING:
    from pipeline.values.schema import Tree

TREE, RANDOM = "tree", "random"


def read_head_sums(attributions: Path) -> dict[str, Tensor]:
    """Head-summed maps `(layer, query, key)` of the dev examples, predicted class, by example id."""
    rows = read_rows(attributions / "maps.parquet", columns=["example_id", "n", "head_sum"])
    return {
        row["example_id"]: torch.tensor(row["head_sum"], dtype=torch.float64).view(-1, row["n"], row["n"])
        for row in rows
    }


def special_tokens(example: Example) -> list[bool]:
    """Which tokens the tokeniser put around the texts: [CLS], [SEP]."""
    own = set(example.own)
    return [place not in own for place in range(len(example))]


def segments_of(example: Example) -> list[int]:
    """0 up to the special token behind the first text, 1 from there on: not every family has token types."""
    first_stop = example.segments[0][1]
    return [int(place > first_stop) for place in range(len(example))]


def edge_rows(example: Example, tree: AttributionTree, *, layers: int) -> list[dict[str, Any]]:
    """One row per edge, with what the receptive field needs to know of its ends."""
    special = special_tokens(example)
    segments = segments_of(example)
    return [
        {"example_id": example.example_id, **edge._asdict(), "terminal": edge.layer == layers - 1}
        | {"special": special[edge.query] or special[edge.key]}
        | {"cross": segments[edge.query] != segments[edge.key], "pair": 1 in segments}
        for edge in tree.edges
    ]


def outcome_rows(
    model: PreTrainedModel,
    examples: Sequence[Example],
    head_sums: dict[str, Tensor],
    *,
    settings: Tree,
    token_budget: TokenBudget,
) -> list[dict[str, Any]]:
    """One row per example and arm: probability of the predicted class in full, by the arm's edges only, without them.

    Arms are `tree`, for every threshold `tau` of the grid and the settings' own, the rivals of the latter, `top_edges`,
    `optimum`, `random` (one row per tree) and `nothing`. `open` says that the rows of special tokens are left open.
    `edges` counts inner edges, `missing` those that a rival could not find. `objective` is of attribution trees and
    the optimum.
    """
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples)))
    rows: list[dict[str, Any]] = []
    for number, example in enumerate(examples):
        batch = collate([example], pad_id=model.config.pad_token_id or 0).to(model.device)
        arms = _arms(model, batch, head_sums[example.example_id], settings=settings, seed=settings.seed + number)
        masks = _masks(arms, head_sums[example.example_id], torch.tensor(special_tokens(example)))
        probability = edge_masked_probability(model, batch, torch.stack(masks), token_budget=budget)
        full, (kept, removed) = float(probability[0]), probability[1:].view(-1, 2).T.tolist()
        for arm, only_these, without_these in zip(arms, kept, removed, strict=True):
            facts = {key: value for key, value in arm.items() if key != "set"}
            rows.append(
                {"example_id": example.example_id, **facts, "full": full}
                | {"only": only_these, "without": without_these}
            )
    return rows


def _arms(model: PreTrainedModel, batch: Batch, maps: Tensor, *, settings: Tree, seed: int) -> list[dict[str, Any]]:
    layers, n, _ = maps.shape
    tree = build(maps, settings)
    best = optimum(maps, tree, settings)
    size = len(tree.inner)

    def arm(name: str, edges: Sequence[TreeEdge], **facts: Any) -> dict[str, Any]:
        inner = sum(edge.layer < layers - 1 for edge in edges)
        known = {"tau": settings.tau, "objective": None, "proven": None, "missing": size - inner} | facts
        return {"arm": name, "set": edges, "open": False, "edges": inner, **known}

    arms = []
    for tau in sorted({*settings.tau_grid, settings.tau}):
        grown = build(maps, settings, tau=tau)
        arms.append(arm(TREE, grown.edges, tau=tau, objective=objective(grown, lam=settings.lam), missing=0))
    single = [arm(name, rival_tree(scores, tree).edges) for name, scores in rival_maps(model, batch).items()]
    single.append(arm("top_edges", top_edges(maps, tree)))
    found = with_terminals(best.edges, tree, maps)
    single.append(arm("optimum", found, objective=best.objective, proven=best.proven, missing=0))
    own = next(entry for entry in arms if entry["tau"] == settings.tau)
    arms += single
    arms += [entry | {"open": True} for entry in (own, *single)]
    others = random_trees(tree, layers=layers, n=n, count=settings.random_trees, seed=seed)
    arms += [arm(RANDOM, other.edges) for other in others]
    return [*arms, arm("nothing", [], missing=0)]


def _masks(arms: Sequence[dict[str, Any]], maps: Tensor, special: Tensor) -> list[Tensor]:
    """The full mask, then each arm's two: only its edges, and all but them."""
    layers, n, _ = maps.shape
    masks = [torch.ones(layers, n, n, dtype=torch.bool)]
    for arm in arms:
        pair = (only(arm["set"], layers=layers, n=n), without(arm["set"], layers=layers, n=n))
        masks += [open_rows(mask, special) if arm["open"] else mask for mask in pair]
    return masks


@torch.no_grad()
def edge_masked_probability(model: PreTrainedModel, batch: Batch, masks: Tensor, *, token_budget: int) -> Tensor:
    """Probability `(mask,)` of the class that the whole model predicts for the one example of `batch`.

    `masks` is `(mask, layer, query, key)`, boolean; the first keeps everything.
    """
    with frozen(model):
        hidden, logits = entering(model, model_inputs(model, batch))
        masked = masked_passes(
            describe(model),
            hidden,
            torch.zeros(len(masks), dtype=torch.long),
            Masks.of(masks.to(model.device)),
            key_mask=None,
            attend=under_edge_masks,
            token_budget=token_budget,
        )
    probabilities = masked.double().cpu().softmax(dim=-1)
    return probabilities[:, logits[0].argmax()]
