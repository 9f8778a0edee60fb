"""Statistics of the tree experiment (docs/method.md, "Attribution trees")."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import Interval, bootstrap_means
from pipeline.values.schema import Tree

RIVALS = ("attention", "gradient_x_attention", "value_weighted", "top_edges", "optimum")
VALUES = ("sufficiency", "comprehensiveness", "faithfulness")
REVIEWED = ("tau=0.5", "tau=0.4")  # claim R2: the reviewer's threshold and the paper's

Rows = Sequence[Mapping[str, Any]]
Columns = dict[str, NDArray[np.float64]]


def curve_rows(rows: Rows, *, settings: Tree, task: str, seed: int) -> list[dict[str, Any]]:
    """One row per threshold: mean inner edges, objective and faithfulness, with their intervals over examples."""
    curves = []
    for arm in _thresholds(settings):
        row: dict[str, Any] = {"task": task, "seed": seed, "tau": float(arm.partition("=")[2])}
        for name, interval in _means(_columns(rows, arm), settings).items():
            row |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        curves.append(row | {"n": len(_of(rows, arm))})
    return curves


def summary(rows: Rows, *, settings: Tree) -> dict[str, Any]:
    """What the tree at `tree.tau` carries, and its differences to all other sets of edges, paired by example.

    Values are probabilities; every interval is a bootstrap over examples. `difference` is the tree's faithfulness minus
    the other's. `z` is the tree's distance to the random trees' mean, in their standard deviations.
    """
    own_name = f"tau={settings.tau:g}"
    own, random = _columns(rows, own_name), _random(rows)
    nothing = _columns(rows, "nothing")
    result: dict[str, Any] = {"n": len(own["edges"]), "tau": settings.tau}
    result |= {name: vars(interval) for name, interval in _means(own, settings).items()}
    result["full_probability"] = float(np.mean([row["full"] for row in _of(rows, own_name)]))
    result["without_any_edge"] = float(nothing["sufficiency"].mean())
    result["without_tree"] = int(sum(row["edges"] == 0 for row in _of(rows, own_name)))
    result["open"] = _values(_columns(rows, f"{own_name}/open"), settings)
    result["baselines"] = {name: _baseline(rows, name, own, settings) for name in RIVALS}
    result["random"] = _values(random, settings) | {
        "trees": settings.random_trees,
        "difference": _difference(own, random, settings),
        "z": _z_scores(rows, own),
        "missing": float(np.mean([row["missing"] for row in rows if row["arm"] == "random"])),
    }
    result["optimum"] = _optimum(rows, own)
    arms = {row["arm"] for row in rows}
    if arms.issuperset(REVIEWED):
        result["reviewed"] = _difference(*(_columns(rows, arm) for arm in REVIEWED), settings=settings)
    return result


def _thresholds(settings: Tree) -> list[str]:
    return [f"tau={tau:g}" for tau in sorted({*settings.tau_grid, settings.tau})]


def _of(rows: Rows, arm: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["arm"] == arm]


def _columns(rows: Rows, arm: str) -> Columns:
    """One number per example: the arm's edges, objective where it has one, and `VALUES`."""
    chosen = _of(rows, arm)
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


def _baseline(rows: Rows, name: str, own: Columns, settings: Tree) -> dict[str, Any]:
    columns = _columns(rows, name)
    return _values(columns, settings) | {
        "difference": _difference(own, columns, settings),
        "missing": float(np.mean([row["missing"] for row in _of(rows, name)])),
        "open": _values(_columns(rows, f"{name}/open"), settings),
    }


def _optimum(rows: Rows, own: Columns) -> dict[str, Any]:
    """How much of the optimum's objective the heuristic reaches, where there is something to reach."""
    best = _columns(rows, "optimum")["objective"]
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


def _difference(own: Columns, other: Columns, settings: Tree) -> dict[str, float]:
    return vars(_mean(own["faithfulness"] - other["faithfulness"], settings))


def _values(columns: Columns, settings: Tree) -> dict[str, Any]:
    return {name: vars(interval) for name, interval in _means(columns, settings).items() if name in VALUES}


def _means(columns: Columns, settings: Tree) -> dict[str, Interval]:
    table = np.stack(list(columns.values()), axis=1)
    intervals = bootstrap_means(table, draws=settings.bootstrap_draws, seed=settings.seed)
    return dict(zip(columns, intervals, strict=True))


def _mean(values: NDArray[np.float64], settings: Tree) -> Interval:
    return bootstrap_means(values[:, None], draws=settings.bootstrap_draws, seed=settings.seed)[0]
