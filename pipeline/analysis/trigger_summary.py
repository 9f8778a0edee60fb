"""The summary of the trigger experiment: what the claims and the report need (docs/method.md, "Triggers")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.intervals import bootstrap_means, quantiles
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.triggers import (
    MINED,
    Evaluation,
    complete_rows,
    per_class,
    rank_correlation,
    read_evaluation,
    table_rows,
    tokens_text,
)
from pipeline.data.tasks import TASKS

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """What the triggers of every model do to its accuracy."""
    records, table = [], []
    for model in outcomes.models:
        classes = TASKS[model.task].labels
        triggers = outcomes.rows("triggers", model, name="triggers")
        counts = outcomes.facts("triggers", model, name="mined")
        evaluation = read_evaluation(triggers, outcomes.table("triggers", model))
        rows = complete_rows(triggers, evaluation, classes=classes, collapse_share=values.analyse.collapse_share)
        found = summary(
            rows,
            evaluation,
            counts=counts,
            classes=classes,
            kinds=(MINED, *values.triggers.controls),
            strongest=values.triggers.best,
            draws=values.analyse.bootstrap_draws,
            seed=values.analyse.seed,
        )
        table += table_rows(rows, **model._asdict(), n=len(evaluation.dev.labels))
        records.append(model._asdict() | found)
    return Findings(records, tables={"triggers": table})


def summary(
    rows: Sequence[Mapping[str, Any]],
    evaluation: Evaluation,
    *,
    counts: Mapping[str, int],
    classes: Sequence[str],
    kinds: Sequence[str],
    strongest: int,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Accuracies and drops are fractions; `rows` are those of `complete_rows`, `counts` those of mining.

    `kinds` says how many triggers were mined or made as a control, of how many tokens, with quantiles of all their
    drops on the selection sample. `best` has, for the kinds that have triggers, the mean dev drop of the selected ones
    and how much the mined ones' exceeds it (`lead`), with intervals over dev examples, the lead's paired. `spearman`
    correlates strength and dev drop of all mined triggers, `strongest` are so many of each class. What does not exist
    is None.
    """
    mined = [row for row in rows if row["kind"] == MINED]
    correlation = rank_correlation(
        [row["strength"] for row in mined],
        [row["drop"] for row in mined],
        draws=draws,
        seed=seed,
    )
    by_class = {name: [row for row in mined if row["class"] == name] for name in classes}
    return {
        "n": len(evaluation.dev.labels),
        "n_select": len(evaluation.select.labels),
        "mined": dict(counts),
        "baseline": _baseline(evaluation, classes),
        "kinds": {kind: _of_kind([row for row in rows if row["kind"] == kind]) for kind in kinds},
        "drop": quantiles([row["drop"] for row in mined]) if mined else None,
        "collapsing": sum(row["collapses_to"] is not None for row in mined),
        "spearman": vars(correlation) if correlation else None,
        "strongest": [_brief(row, classes) for own in by_class.values() for row in own[:strongest]],
        "best": {
            kind: drops | {"triggers": [_brief(rows[number], classes) for number in evaluation.best[kind]]}
            for kind, drops in _best_drops(evaluation, draws=draws, seed=seed).items()
        },
    }


def _baseline(evaluation: Evaluation, classes: Sequence[str]) -> dict[str, Any]:
    """Accuracies without triggers."""
    dev, select = evaluation.dev, evaluation.select
    accuracy = per_class(dev.before, dev.labels, classes=len(classes))
    sizes = np.bincount(dev.labels, minlength=len(classes)).tolist()
    return {
        "accuracy": float((dev.before == dev.labels).mean()),
        "select_accuracy": float((select.before == select.labels).mean()),
        "per_class": {
            name: {"n": size, "accuracy": value} for name, size, value in zip(classes, sizes, accuracy, strict=True)
        },
    }


def _best_drops(evaluation: Evaluation, *, draws: int, seed: int) -> dict[str, dict[str, Any]]:
    """For each kind the mean drop of its best triggers, and what the mined ones' has more."""
    place, lost = {number: row for row, number in enumerate(evaluation.on_dev)}, evaluation.dev.lost
    means = {kind: lost[[place[one] for one in best]].mean(axis=0) for kind, best in evaluation.best.items()}
    if not means:
        return {}
    controls = [kind for kind in means if kind != MINED]
    columns = np.stack([*means.values(), *(means[MINED] - means[kind] for kind in controls)], axis=1)
    intervals = bootstrap_means(columns, draws=draws, seed=seed)
    leads = dict(zip(controls, intervals[len(means) :], strict=True))
    return {
        kind: {"mean_drop": vars(drop), "lead": vars(leads[kind]) if kind in leads else None}
        for kind, drop in zip(means, intervals, strict=False)
    }


def _of_kind(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "patterns": len(rows),
        "tokens_mean": float(np.mean([len(row["tokens"]) for row in rows])) if rows else None,
        "select_drop": quantiles([row["select_drop"] for row in rows]) if rows else None,
    }


def _brief(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """What the report's tables show of a trigger that was run on dev."""
    names = ("rank", "class", "strength", "select_drop", "drop", "flip_rate", "collapses_to")
    of_class = dict(zip(classes, row["per_class"], strict=True))
    return {name: row[name] for name in names} | {"tokens": tokens_text(row), "per_class": of_class}
