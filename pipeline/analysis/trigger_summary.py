"""The summary of the trigger experiment: what the claims and the report need (docs/method.md, "Triggers")."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.analysis.intervals import bootstrap_means
from pipeline.analysis.triggers import MINED, Evaluation, per_class, rank_correlation
from pipeline.run.schema import Triggers

QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


def summary(
    rows: Sequence[Mapping[str, Any]],
    evaluation: Evaluation,
    *,
    counts: Mapping[str, int],
    classes: Sequence[str],
    settings: Triggers,
) -> dict[str, Any]:
    """Accuracies are fractions, drops accuracy points; `rows` are those of `complete_rows`, `counts` those of mining.

    `kinds`: of the mined triggers and each control, how many `patterns` with how many tokens, quantiles of
    `select_drop` over all of them, the mean dev drop of the best (`best_drop`) and by how much the mined ones' exceeds
    it (`lead`), both with intervals, paired over dev examples. `strength_drop` is Spearman's r between strength and
    dev drop over all mined triggers. What does not exist is None.
    """
    mined = [row for row in rows if row["kind"] == MINED]
    kinds = (MINED, *settings.controls)
    of_best = _best_drops(evaluation, kinds, settings=settings)
    dev, select = evaluation.dev, evaluation.select
    accuracy = per_class(dev.before, dev.labels, classes=len(classes))
    sizes = np.bincount(dev.labels, minlength=len(classes)).tolist()
    correlation = rank_correlation(
        [row["strength"] for row in mined],
        [row["drop"] for row in mined],
        draws=settings.bootstrap_draws,
        seed=settings.seed,
    )
    return {
        "n": len(dev.labels),
        "n_select": len(select.labels),
        "mined": dict(counts),
        "baseline": {
            "accuracy": float((dev.before == dev.labels).mean()),
            "select_accuracy": float((select.before == select.labels).mean()),
            "per_class": {
                name: {"n": size, "accuracy": value} for name, size, value in zip(classes, sizes, accuracy, strict=True)
            },
        },
        "kinds": {kind: _of_kind(rows, kind) | of_best[kind] for kind in kinds},
        "drop": _quantiles([row["drop"] for row in mined]),
        "collapsing": sum(row["collapses_to"] is not None for row in mined),
        "strength_drop": vars(correlation) if correlation else None,
        "strongest": [
            _brief(row, classes)
            for name in classes
            for row in [row for row in mined if row["class"] == name][: settings.best]
        ],
        "best": {kind: [_brief(rows[number], classes) for number in evaluation.best.get(kind, ())] for kind in kinds},
    }


def _best_drops(evaluation: Evaluation, kinds: Sequence[str], *, settings: Triggers) -> dict[str, dict[str, Any]]:
    """For each kind the mean drop of its best triggers, and what the mined ones' has more."""
    place = {number: row for row, number in enumerate(evaluation.on_dev)}
    lost = evaluation.dev.lost
    means = {
        kind: lost[[place[number] for number in numbers]].mean(axis=0)
        for kind in kinds
        if (numbers := evaluation.best.get(kind))
    }
    leads = {kind: means[MINED] - mean for kind, mean in means.items() if kind != MINED and MINED in means}
    found: dict[str, dict[str, Any]] = {kind: {"best_drop": None, "lead": None} for kind in kinds}
    if means:
        columns = np.stack([*means.values(), *leads.values()], axis=1)
        intervals = bootstrap_means(columns, draws=settings.bootstrap_draws, seed=settings.seed)
        for kind, interval in zip(means, intervals, strict=False):
            found[kind]["best_drop"] = vars(interval)
        for kind, interval in zip(leads, intervals[len(means) :], strict=True):
            found[kind]["lead"] = vars(interval)
    return found


def _of_kind(rows: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    own = [row for row in rows if row["kind"] == kind]
    return {
        "patterns": len(own),
        "tokens_mean": float(np.mean([len(row["tokens"]) for row in own])) if own else None,
        "select_drop": _quantiles([row["select_drop"] for row in own]),
    }


def _quantiles(values: ArrayLike) -> dict[str, float] | None:
    values = np.asarray(values, np.float64)
    return {name: float(np.quantile(values, at)) for name, at in QUANTILES.items()} if len(values) else None


def _brief(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """What the report's tables show of a trigger that was run on dev."""
    names = ("rank", "class", "strength", "select_drop", "drop", "flip_rate", "collapses_to")
    of_class = dict(zip(classes, row["per_class"], strict=True))
    return {name: row[name] for name in names} | {"tokens": " ".join(row["tokens"]), "per_class": of_class}
