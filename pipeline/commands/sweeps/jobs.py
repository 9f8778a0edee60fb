"""The jobs of a sweep with the statistics of their outcomes, as `analyse` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.launch.sweep_jobs import Job as Outcome
from pipeline.launch.sweep_jobs import read_jobs
from pipeline.values.params import PARAMS_FILE, read_params


@dataclass(frozen=True)
class Job(Outcome):
    """A job of a sweep, and what its outcomes came to."""

    statistics: Mapping[str, Any] = field(default_factory=dict)
    """Empty unless it is finished, and for a stage whose outcomes say nothing alone."""


def analysed_jobs(folder: Path, *, prepared: Path) -> list[Job]:
    """The jobs of a sweep's folder, analysed; `prepared` is the repository, where `prepare` wrote.

    Raises:
        InputError: if it is not a sweep's folder.
    """
    return [Job(**vars(job), statistics=_statistics(folder, job, prepared)) for job in read_jobs(folder)]


def _statistics(folder: Path, job: Outcome, prepared: Path) -> Mapping[str, Any]:
    from pipeline.analysis.experiments import ANALYSES
    from pipeline.analysis.outcomes import Outcomes

    place, stage = folder / job.name, folder.resolve().parent.name  # sweeps/<stage>/<sweep>
    # `universality` says nothing of one model alone.
    if stage not in ANALYSES or stage == "universality" or not job.status.startswith("finished"):
        return {}
    tasks = [job.overrides["task"]] if "task" in job.overrides else []  # the models of `planted_paths` have none
    outcomes = Outcomes(place, tasks, [int(job.overrides["seed"])], prepared=prepared)
    found = ANALYSES[stage](outcomes, read_params(place / PARAMS_FILE))
    if not tasks:
        return {record["task"]: record for record in found.records}
    main = [one.record() for one in found.statistics if one.key.text in _main_statistics(stage)]
    values = {row["name"]: row if row["low"] is not None else row["value"] for row in main}
    return {**found.records[0], **values}


def _main_statistics(stage: str) -> set[str]:
    """Those that decide a claim, or that DVC compares: the others are too many to look at."""
    from pipeline.analysis.metrics import STATISTICS
    from pipeline.analysis.rules import read_rules

    deciding = {part.statistic for rule in read_rules().rules if rule.experiment == stage for part in rule.primary}
    return deciding | {key.text for key, _ in STATISTICS.values() if key.experiment == stage}
