"""The committed runs that tables are filled from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.analysis.claims import weak_tasks
from pipeline.commands.filling.comparison import Measured
from pipeline.reporting.results import Results
from pipeline.values.paths import analysis_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.commands.filling.questions import Question

# Folders of results/, and what their models are.
RUNS = {
    "study": "a pretrained 6-layer BERT, fine-tuned on GLUE",
    "mini": "4-layer BERTs, trained from scratch on generated sentences",
    "rehearsal": "a pretrained 6-layer BERT, fine-tuned quickly on a part of SST-2 and on MRPC",
}
OF_SCORES = ("study", "mini")  # whose statistics tables of scores are filled from; a run that is not there is left out
OF_TASKS_OWN_MODELS = ("truth", "tree", "effectiveness", "prune")

Runs = dict[str, dict[str, list[Measured]]]  # of each run, by experiment, its tasks


def read_runs(results: Path, experiments: Sequence[str]) -> Runs:
    """What the runs of `OF_SCORES` found, those that are in `results`.

    A task whose models have learned too little decides no claim (docs/method.md, "Verdicts"), and no table has it.
    """
    return {run: _read(results, run, experiments) for run in OF_SCORES if (results / run).is_dir()}


def _read(results: Path, run: str, experiments: Sequence[str]) -> dict[str, list[Measured]]:
    kept = Results(results / run, tasks=(), seeds=())
    weak = weak_tasks(kept.records("finetune"))
    of_run: dict[str, list[Measured]] = {}
    for experiment in experiments:
        if not analysis_folder(results / run, experiment).is_dir():
            continue
        tasks: dict[str, dict[str, Mapping[str, object]]] = {}
        for one in kept.statistics(experiment):
            if experiment not in OF_TASKS_OWN_MODELS or one["task"] not in weak:
                tasks.setdefault(one["task"], {})[one["name"]] = one
        of_run[experiment] = [Measured(run, task, found) for task, found in tasks.items()]
    return of_run


def tasks_of(question: Question, runs: Runs) -> list[Measured]:
    """The tasks in which a run has answered the question: those with a difference to the reference."""
    return [
        at
        for of_run in runs.values()
        for at in of_run.get(question.experiment, [])
        if any(at.one(key) for pair, key in question.differences.items() if question.reference in pair)
        and _asked(question, at)
    ]


def _asked(question: Question, at: Measured) -> bool:
    """Whether the question has an answer there, by the 95 % interval of what it needs."""
    if question.only_where is None:
        return True
    one = at.one(question.only_where)
    return one is not None and one["low"] is not None and one["low"] > 0
