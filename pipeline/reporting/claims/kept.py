"""The verdicts of the kept run of a preset, which stand beside those of a run with one model per task."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline.values.paths import SOURCE, analysis_folder
from pipeline.values.store import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def kept_verdicts(preset: str, models: Sequence[Mapping[str, Any]], *, kept: str = "results") -> dict[str, str]:
    """By claim what `results/<preset>` says, where a run's `models` are one per task and there is such a folder.

    `models` are the records of `finetune`.
    """
    path = kept_claims(preset, kept=kept)
    if most_models(models) != 1 or not path.is_file():
        return {}
    return {claim["id"]: claim["verdict"] for claim in read_json(path)["records"]}


def kept_claims(preset: str, *, kept: str = "results") -> Path:
    """The file of claims in the kept results of a preset, which may have none."""
    return analysis_folder(SOURCE / kept / preset, "claims") / "records.json"


def most_models(models: Sequence[Mapping[str, Any]]) -> int:
    """How many models the task with most of them has."""
    return max(Counter(one["task"] for one in models).values())
