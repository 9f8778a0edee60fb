"""The verdicts of the kept run of a preset, which stand beside those of a run with one model per task."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline.values.paths import SOURCE, analysis_folder
from pipeline.values.store import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def kept_verdicts(preset: str, *, models: int, kept: str = "results") -> dict[str, str]:
    """By claim what `results/<preset>` says, where a run has one model per task and there is such a folder.

    `models` is how many the task with most of them has.
    """
    path = analysis_folder(SOURCE / kept / preset, "claims") / "records.json"
    if models != 1 or not path.is_file():
        return {}
    return {claim["id"]: claim["verdict"] for claim in read_json(path)["records"]}


def most_models(models: Sequence[Mapping[str, Any]]) -> int:
    """How many models the task with most of them has."""
    return max(Counter(one["task"] for one in models).values())
