"""Statistics of attribution trees (docs/method.md, "Attribution trees"): what share of a prediction edges recover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.derived import ratio_bounds
from pipeline.analysis.methods import named
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Tree
from pipeline.analysis.statistics import Measure, Ratio, Single, statistics
from pipeline.values.columns import ATTRIBUTION, MARGIN, NOTHING, OPTIMUM, RANDOM, TREE

if TYPE_CHECKING:
    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

EQUAL = "equal"  # as many random trees at every threshold
VALUES = ("edges", "missing", "objective", "full", "only", "without")

Rows = Sequence[Mapping[str, Any]]
Columns = dict[str, NDArray[np.float64]]  # `VALUES`, each `(example,)`
Sets = dict[tuple[str, float, bool], Columns]  # by arm, threshold, whether the rows of special tokens are open
# By map: the shares of edges that are kept, and the probability with these alone, `(share, example)`.
Shares = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """What the trees of every model carry, by threshold; at `tree.tau` beside other sets of edges of their size."""
    tau = values.tree.tau
    records, curves, areas, found = [], [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            rows = outcomes.rows("tree", model)
            sets, shares = (
                by_set(rows, draws=values.tree.random_sets),
                by_share(outcomes.rows("tree", model, name="shares")),
            )
            curves += [model._asdict() | row for row in curve_rows(sets, tau=tau)]
            areas += [model._asdict() | row for row in share_rows(sets, shares, tau=tau)]
            measured.append(measures(sets, shares, tau=tau))
            examples.append(list(dict.fromkeys(row["example_id"] for row in rows)))
            trees = outcomes.facts("tree", model, name="trees")
            counts = {name: trees[name] for name in ("examples", "rootless")}
            records.append(model._asdict() | facts(sets, tau=tau) | optimum_facts(rows, sets, tau=tau) | counts)
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"curves": curves, "shares": areas})


def by_set(rows: Rows, *, draws: int) -> Sets:
    """The values of every set of edges, example by example; of several random trees their mean.

    `EQUAL` is the same as `RANDOM` of the first `draws` random trees alone, of which every threshold has as many.
    """
    found: dict[tuple[str, float, bool], dict[str, list[list[float]]]] = {}
    for row in rows:
        values = [np.nan if row[name] is None else row[name] for name in VALUES]
        for arm in (row["arm"], EQUAL) if row["arm"] == RANDOM else (row["arm"],):
            of_set = found.setdefault((arm, row["tau"], row["open"]), {})
            of_example = of_set.setdefault(row["example_id"], [])
            if arm != EQUAL or len(of_example) < draws:
                of_example.append(values)
    return {key: dict(zip(VALUES, _means(of_set).T, strict=True)) for key, of_set in found.items()}


def by_share(rows: Rows) -> Shares:
    """The probability with every share of edges, example by example; of several random orders the mean."""
    found: dict[str, dict[float, dict[str, list[float]]]] = {}
    for row in rows:
        of_share = found.setdefault(row["map"], {}).setdefault(row["share"], {})
        of_share.setdefault(row["example_id"], []).append(row["only"])
    return {
        name: (np.array(list(of_map)), np.stack([_means(of_share) for of_share in of_map.values()]))
        for name, of_map in found.items()
    }


def _means(by_example: Mapping[str, Sequence[Any]]) -> NDArray[np.float64]:
    return np.stack([np.mean(values, axis=0) for values in by_example.values()])


def measures(sets: Sets, shares: Shares, *, tau: float) -> dict[Key, Measure]:
    """What one model's trees carry. A share of 1 is what all edges carry beyond none, 0 is nothing.

    - `recovered/tree`, `recovered/random`: of what is lost without any edge, the share that they alone bring back
    - `recovered/tree-random`, `recovered/<set>-tree`: differences, in share
    - `open/tree`, `open/<set>-tree`: the same with the rows of special tokens left open, also in what no edge means
    - `comprehensiveness/tree`, `comprehensiveness/tree-random`: share lost without the tree's edges, and minus random's
    - `excess/<tau>`: recovered share of the tree at that threshold minus that of random trees of its size, as many at
      every threshold
    - `knee`: the threshold with the largest excess
    - `edge_area/<map>`: recovered share, averaged over the logarithm of the share of edges that are kept
    - `edge_area/attribution-<map>`, `edge_area/attribution_margin-<map>`: differences, in share
    """
    full = sets[TREE, tau, False]["full"]
    nothing = sets[NOTHING, tau, False]["only"]
    carried = full - nothing

    def share(label: str, above: NDArray[np.float64]) -> Ratio:
        return Ratio(label, "share", above, carried)

    def only(arm: str, at: float = tau) -> NDArray[np.float64]:
        return sets[arm, at, False]["only"]

    tree, random = only(TREE), only(RANDOM)
    found: dict[Key, Measure] = {
        Tree.RECOVERED.key(arm=TREE): share(f"recovered share, tree at τ = {tau:g}", tree - nothing),
        Tree.RECOVERED.key(arm=RANDOM): share("recovered share, random trees", random - nothing),
        Tree.BEYOND_RANDOM.key(): share("recovered share, tree minus random trees", tree - random),
    }
    for arm, label in Tree.BASELINES.items():
        found[Tree.BASELINE.key(arm=arm)] = share(f"recovered share, {label} minus tree", only(arm) - tree)
    without, random_without = (sets[arm, tau, False]["without"] for arm in (TREE, RANDOM))
    found[Tree.LOST.key()] = share("share lost without the tree", full - without)
    label = "share lost without the tree minus without random trees"
    found[Tree.LOST_BEYOND_RANDOM.key()] = share(label, random_without - without)
    found |= _open(sets, tau=tau)
    excess = {at: only(TREE, at) - only(EQUAL, at) for at in thresholds(sets)}
    for at, above in excess.items():
        found[Tree.EXCESS.key(tau=at)] = share(f"excess over random trees, τ = {at:g}", above)
    reviewed, paper = Tree.REVIEWED
    if {reviewed, paper} <= set(excess):
        label = f"excess at τ = {reviewed:g} minus at {paper:g}"
        found[Tree.EXCESS_REVIEWED.key()] = share(label, excess[reviewed] - excess[paper])
    found[Tree.KNEE.key()] = Single(
        "threshold with the largest excess",
        "τ",
        knee(excess, carried),
        "no threshold's trees bring more than random ones do",
        within=(0, 1),
    )
    areas = {name: area(at, kept) for name, (at, kept) in shares.items()}
    for name, value in areas.items():
        found[Tree.AREA.key(method=name)] = share(f"area over edges, {named(name)}", value - nothing)
    for leader, lead in ((ATTRIBUTION, Tree.AREA_LEAD), (MARGIN, Tree.AREA_LEAD_OF_MARGIN)):
        for name, value in areas.items():
            if name != leader:
                label = f"area over edges, {named(leader)} minus {named(name)}"
                found[lead.key(against=name)] = share(label, areas[leader] - value)
    return found


def _open(sets: Sets, *, tau: float) -> dict[Key, Measure]:
    """The recovered shares with the rows of special tokens left open."""
    opened = {arm: columns for (arm, at, is_open), columns in sets.items() if is_open and at == tau}
    nothing, tree = opened[NOTHING]["only"], opened[TREE]["only"]
    carried = opened[TREE]["full"] - nothing
    found: dict[Key, Measure] = {
        Tree.OPEN.key(): Ratio("recovered share with open rows, tree", "share", tree - nothing, carried)
    }
    for arm, name in Tree.BASELINES.items():
        label = f"recovered share with open rows, {name} minus tree"
        found[Tree.OPEN_BASELINE.key(arm=arm)] = Ratio(label, "share", opened[arm]["only"] - tree, carried)
    return found


def thresholds(sets: Sets) -> list[float]:
    """The thresholds at which trees were grown."""
    return sorted({tau for arm, tau, _ in sets if arm == TREE})


def knee(excess: dict[float, NDArray[np.float64]], carried: NDArray[np.float64]) -> float | None:
    """The threshold with the largest excess, of equal ones the smallest; None where no tree beats random ones."""
    best = max(sorted(excess), key=lambda tau: float(excess[tau].mean()))
    return best if carried.mean() > 0 and excess[best].mean() > 0 else None


def area(shares: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the probabilities `(share, example)` over the logarithm of the share, by trapezoids.

    Trees hold about one edge in a thousand, and a plain mean would ask of the last, worthless half: here every factor
    by which the edges grow counts as much as any other.
    """
    at = np.log(shares)
    return np.trapezoid(kept, at, axis=0) / (at[-1] - at[0])


def curve_rows(sets: Sets, *, tau: float) -> list[dict[str, Any]]:
    """One row per threshold: mean inner edges and objective, and what tree and random trees of its size recover.

    `low` and `high` bound what the tree recovers, of this model, over examples.
    """
    full, nothing = sets[TREE, tau, False]["full"], sets[NOTHING, tau, False]["only"]
    rows = []
    for at in thresholds(sets):
        tree, random = sets[TREE, at, False], sets[EQUAL, at, False]
        row = {"tau": at, "n": len(full), "edges": float(tree["edges"].mean())}
        row |= {"objective": float(tree["objective"].mean())}
        row |= {"recovered": _share(tree["only"] - nothing, full - nothing)}
        row |= ratio_bounds(tree["only"] - nothing, full - nothing)
        row |= {"random": _share(random["only"] - nothing, full - nothing)}
        row |= {"excess": _share(tree["only"] - random["only"], full - nothing)}
        rows.append(row | {"comprehensiveness": _share(full - tree["without"], full - nothing)})
    return rows


def share_rows(sets: Sets, shares: Shares, *, tau: float) -> list[dict[str, Any]]:
    """One row per map and share of edges: the recovered share."""
    full, nothing = sets[TREE, tau, False]["full"], sets[NOTHING, tau, False]["only"]
    return [
        {"map": name, "share": float(share), "n": len(full), "recovered": _share(kept - nothing, full - nothing)}
        for name, (at, only) in shares.items()
        for share, kept in zip(at, only, strict=True)
    ]


def facts(sets: Sets, *, tau: float) -> dict[str, Any]:
    """Sizes, and mean probabilities of the predicted class: of the whole model, and without any edge."""
    tree, nothing = sets[TREE, tau, False], sets[NOTHING, tau, False]
    as_large = [arm for arm in (RANDOM, *Tree.BASELINES) if arm != OPTIMUM]
    return {
        "n": len(tree["full"]),
        "tau": tau,
        "edges": float(tree["edges"].mean()),
        "without_tree": int((tree["edges"] == 0).sum()),
        "full_probability": float(tree["full"].mean()),
        "tree_probability": float(tree["only"].mean()),
        "without_any_edge": float(nothing["only"].mean()),
        "missing": {arm: float(sets[arm, tau, False]["missing"].mean()) for arm in as_large},
    }


def optimum_facts(rows: Rows, sets: Sets, *, tau: float) -> dict[str, Any]:
    """How much of the optimum's objective the heuristic reaches, where there is something to reach."""
    optimal, reached = (sets[arm, tau, False]["objective"] for arm in (OPTIMUM, TREE))
    proven = np.array([row["proven"] for row in rows if row["arm"] == OPTIMUM and not row["open"]])
    there = proven & (optimal > 0)
    ratio = reached[there] / optimal[there]
    some = bool(there.any())
    return {
        "optimum": {
            "ratio": float(reached[there].sum() / optimal[there].sum()) if some else None,
            "worst_ratio": float(ratio.min()) if some else None,
            "reached": float(np.mean(ratio > 1 - 1e-9)) if some else None,
            "proven": int(proven.sum()),
            "n": int(there.sum()),
        }
    }


def _share(above: NDArray[np.float64], below: NDArray[np.float64]) -> float | None:
    """Ratio of the means; None where edges carry nothing."""
    return float(above.mean() / below.mean()) if below.mean() > 0 else None
