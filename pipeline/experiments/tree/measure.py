"""Attribution trees: how much of the prediction their edges carry, beside sets of edges of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.batching import TokenBudget, resolve_token_budget
from attattr.branching import Masks, masked_passes, under_edge_masks
from attattr.faithfulness import open_rows
from attattr.families import describe
from attattr.prefix import entering, frozen
from attattr.tree import AttributionTree
from pipeline.experiments.tree.arms import arms_of, off_diagonal, shares_of
from pipeline.experiments.tree.rivals import ATTRIBUTION, rival_maps
from pipeline.predicting.examples import Batch, Example, collate
from pipeline.predicting.predict import model_inputs
from pipeline.terminal.progress import progress
from pipeline.values.columns import RANDOM
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
        batch = collate([example], pad_id=model.config.pad_token_id or 0).to(model.device)
        maps = {ATTRIBUTION: head_sums[name], **rival_maps(model, batch)}
        arms = arms_of(maps, name, settings=settings, seed=seed)
        shares = shares_of(maps, name, settings=settings, seed=seed)
        opened = [arm for arm in arms if arm.tau == settings.tau and arm.name != RANDOM]
        special = torch.tensor(special_tokens(example))
        masks = [torch.ones_like(maps[ATTRIBUTION]) > 0, *(part.kept for part in shares)]
        masks += [mask for arm in arms for mask in (arm.kept, complement(arm.kept))]
        masks += [open_rows(mask, special) for arm in opened for mask in (arm.kept, complement(arm.kept))]
        logits = edge_masked_logits(model, batch, torch.stack(masks), token_budget=budget)
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


def complement(kept: Tensor) -> Tensor:
    """The mask that keeps all other edges, and again every token's edge to itself."""
    return ~off_diagonal(kept)


@torch.no_grad()
def edge_masked_logits(model: PreTrainedModel, batch: Batch, masks: Tensor, *, token_budget: int) -> Tensor:
    """Logits `(mask, classes)`, float64, of the one example of `batch` under each of the masks.

    `masks` is `(mask, layer, query, key)`, boolean.
    """
    with frozen(model):
        hidden, _ = entering(model, model_inputs(model, batch))
        masked = masked_passes(
            describe(model),
            hidden,
            torch.zeros(len(masks), dtype=torch.long),
            Masks.of(masks.to(model.device)),
            key_mask=None,
            attend=under_edge_masks,
            token_budget=token_budget,
        )
    return masked.double().cpu()
