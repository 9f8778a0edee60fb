"""Statistics of the tree experiment (docs/method.md, "Attribution trees")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import Interval, bootstrap_means
from pipeline.analysis.outcomes import Findings

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

BASELINES = {
    "attention": "attention tree",
    "gradient_x_attention": "gradient × attention tree",
    "value_weighted": "value-weighted attention tree",
    "top_edges": "largest edges, no tree",
    "optimum": "exact optimum",
}
VALUES = ("sufficiency", "comprehensiveness", "faithfulness")
REVIEWED = (0.5, 0.4)  # claim R2: the reviewer's threshold and the paper's

Rows = Sequence[Mapping[str, Any]]
Columns = dict[str, NDArray[np.float64]]


class Draws(NamedTuple):
    """The resamples of the bootstrap over examples."""

    draws: int
    seed: int


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """What the trees of every model carry, by threshold, and at `tree.tau` beside other sets of edges."""
    draws = Draws(values.analyse.bootstrap_draws, values.analyse.seed)
    records, curves = [], []
    for model in outcomes.models:
        rows = outcomes.rows("tree", model)
        curves += [model._asdict() | row for row in curve_rows(rows, draws)]
        trees = outcomes.facts("tree", model, name="trees")
        counts = {name: trees[name] for name in ("examples", "rootless")}
        records.append(model._asdict() | summary(rows, draws, tau=values.tree.tau) | counts)
    return Findings(records, tables={"curves": curves})


def curve_rows(rows: Rows, draws: Draws) -> list[dict[str, Any]]:
    """One row per threshold: mean inner edges, objective and faithfulness, with their intervals over examples."""
    curves = []
    for tau in _thresholds(rows):
        row: dict[str, Any] = {"tau": tau}
        chosen = _of(rows, "tree", tau=tau)
        for name, interval in _means(_columns(chosen), draws).items():
            row |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        curves.append(row | {"n": len(chosen)})
    return curves


def summary(rows: Rows, draws: Draws, *, tau: float) -> dict[str, Any]:
    """What the tree at threshold `tau` carries, and its differences to all other sets of edges, paired by example.

    Values are probabilities; every interval is a bootstrap over examples. `difference` is the tree's faithfulness minus
    the other's. `z` is the tree's distance to the random trees' mean, in their standard deviations.
    """
    tree = _of(rows, "tree", tau=tau)
    own, random, nothing = _columns(tree), _random(rows), _columns(_of(rows, "nothing"))
    result: dict[str, Any] = {"n": len(own["edges"]), "tau": tau}
    result |= {name: vars(interval) for name, interval in _means(own, draws).items()}
    result["full_probability"] = float(np.mean([row["full"] for row in tree]))
    result["without_any_edge"] = float(nothing["sufficiency"].mean())
    result["without_tree"] = int(sum(row["edges"] == 0 for row in tree))
    result["open"] = _values(_columns(_of(rows, "tree", tau=tau, rows_open=True)), draws)
    result["baselines"] = [
        {"arm": arm, "label": label, **_baseline(rows, arm, own, draws)} for arm, label in BASELINES.items()
    ]
    result["random"] = _values(random, draws) | {
        "trees": len(_of(rows, "random")) // len(tree),
        "difference": _difference(own, random, draws),
        "z": _z_scores(rows, own),
        "missing": float(np.mean([row["missing"] for row in _of(rows, "random")])),
    }
    result["optimum"] = _optimum(rows, own)
    if set(_thresholds(rows)).issuperset(REVIEWED):
        reviewed, paper = (_columns(_of(rows, "tree", tau=threshold)) for threshold in REVIEWED)
        result["reviewed"] = _difference(reviewed, paper, draws)
    return result


def _thresholds(rows: Rows) -> list[float]:
    return sorted({row["tau"] for row in rows if row["arm"] == "tree"})


def _of(rows: Rows, arm: str, *, tau: float | None = None, rows_open: bool = False) -> list[Mapping[str, Any]]:
    return [
        row for row in rows if row["arm"] == arm and row["open"] == rows_open and (tau is None or row["tau"] == tau)
    ]


def _columns(chosen: Rows) -> Columns:
    """One number per example: the arm's edges, objective where it has one, and `VALUES`."""
    columns = {"edges": np.array([row["edges"] for row in chosen], np.float64)}
    if chosen[0]["objective"] is not None:
        columns["objective"] = np.array([row["objective"] for row in chosen], np.float64)
    return columns | _faithfulness(*(np.array([row[key] for row in chosen]) for key in ("full", "only", "without")))


def _faithfulness(full: NDArray[np.float64], only: NDArray[np.float64], without: NDArray[np.float64]) -> Columns:
    return {"sufficiency": full - only, "comprehensiveness": full - without, "faithfulness": only - without}


def _by_example(rows: Rows, key: str) -> NDArray[np.float64]:
    """The random trees' values, `(example, tree)`."""
    examples = list(dict.fromkeys(row["example_id"] for row in rows))
    grouped: dict[str, list[float]] = {name: [] for name in examples}
    for row in _of(rows, "random"):
        grouped[row["example_id"]].append(row[key])
    return np.array([grouped[name] for name in examples])


def _random(rows: Rows) -> Columns:
    """The mean over random trees of each example."""
    values = _faithfulness(*(_by_example(rows, key) for key in ("full", "only", "without")))
    return {name: value.mean(axis=1) for name, value in values.items()}


def _z_scores(rows: Rows, own: Columns) -> dict[str, dict[str, float]]:
    """Median and quartiles over examples: where random trees hardly differ, single scores are huge.

    Examples whose random trees all behave alike have no score and are left out.
    """
    values = _faithfulness(*(_by_example(rows, key) for key in ("full", "only", "without")))
    scores = {}
    for name, value in values.items():
        spread = value.std(axis=1)
        there = spread > 0
        scores[name] = (own[name][there] - value.mean(axis=1)[there]) / spread[there]
    quantiles = {"q25": 0.25, "median": 0.5, "q75": 0.75}
    return {
        name: {key: float(np.quantile(score, share)) for key, share in quantiles.items()} | {"n": len(score)}
        for name, score in scores.items()
        if len(score)
    }


def _baseline(rows: Rows, name: str, own: Columns, draws: Draws) -> dict[str, Any]:
    chosen = _of(rows, name)
    return _values(_columns(chosen), draws) | {
        "difference": _difference(own, _columns(chosen), draws),
        "missing": float(np.mean([row["missing"] for row in chosen])),
        "open": _values(_columns(_of(rows, name, rows_open=True)), draws),
    }


def _optimum(rows: Rows, own: Columns) -> dict[str, Any]:
    """How much of the optimum's objective the heuristic reaches, where there is something to reach."""
    best = _columns(_of(rows, "optimum"))["objective"]
    proven = np.array([bool(row["proven"]) for row in _of(rows, "optimum")])
    there = proven & (best > 0)
    ratio = own["objective"][there] / best[there]
    return {
        "ratio": float(own["objective"][there].sum() / best[there].sum()) if there.any() else None,
        "worst_ratio": float(ratio.min()) if there.any() else None,
        "reached": float(np.mean(ratio > 1 - 1e-9)) if there.any() else None,
        "proven": int(proven.sum()),
        "n": int(there.sum()),
    }


def _difference(own: Columns, other: Columns, draws: Draws) -> dict[str, float]:
    return vars(_means({"difference": own["faithfulness"] - other["faithfulness"]}, draws)["difference"])


def _values(columns: Columns, draws: Draws) -> dict[str, Any]:
    return {name: vars(interval) for name, interval in _means(columns, draws).items() if name in VALUES}


def _means(columns: Columns, draws: Draws) -> dict[str, Interval]:
    intervals = bootstrap_means(np.stack(list(columns.values()), axis=1), draws=draws.draws, seed=draws.seed)
    return dict(zip(columns, intervals, strict=True))
