"""Which examples are attributed, for which target class, and what is kept of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attattr.examples import Example
from pipeline.predicting.examples import read_examples
from pipeline.scoring.jobs import Target
from pipeline.scoring.records import Keep
from pipeline.values.per_task import for_task

if TYPE_CHECKING:
    from pipeline.values.schema import Attribute

Samples = dict[str, tuple[Sequence[Example], tuple[Target, ...]]]


def samples(data: Path, task: str, settings: Attribute) -> Samples:
    """The importance sample (gold), the dev examples (both), and the training ones that triggers come from."""
    shortest = for_task(settings.mine_min_tokens, task) or 0

    long_enough = [e for e in read_examples(data / "train.parquet") if len(e) >= shortest]
    return {
        "importance": (read_examples(data / "importance.parquet"), ("gold",)),
        "dev": (read_examples(data / "dev.parquet"), ("predicted", "gold")),
        "mine": (long_enough[: settings.n_mine], ("predicted",)),
    }


def what_to_keep(chosen: Samples, settings: Attribute) -> dict[str, Keep]:
    """For each split and target. Trees and receptive fields need dev maps for the predicted class, no others do."""
    full = frozenset(example.example_id for example in chosen["dev"][0][: settings.full_maps])
    keep = {}
    for split, (_, targets) in chosen.items():
        for target in targets:
            maps = (split, target) == ("dev", "predicted")
            keep[f"{split}/{target}"] = Keep(settings.top_edges, maps, full if maps else frozenset())
    return keep
