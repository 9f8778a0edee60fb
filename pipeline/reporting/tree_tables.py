"""The rows of the table about attribution trees."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import Row

Metrics = Mapping[str, Any]

ARMS = {
    "attention": "attention tree",
    "gradient_x_attention": "gradient × attention tree",
    "value_weighted": "value-weighted attention tree",
    "top_edges": "largest edges, no tree",
    "optimum": "exact optimum",
}
VALUES = ("sufficiency", "comprehensiveness", "faithfulness")


def tree_rows(tree: Sequence[Metrics]) -> list[Row]:
    """Per set of edges: what is lost with them only and without them, and the tree's lead; all in points."""
    rows = []
    for record in tree:
        rows.append(_row(record, f"attribution tree, τ = {record['tau']:g}", record, lead=None, missing=None))
        for name, label in ARMS.items():
            arm = record["baselines"][name]
            rows.append(_row(record, label, arm, lead=arm["difference"], missing=arm["missing"]))
        random = record["random"]
        label = f"mean of {random['trees']} random trees"
        rows.append(_row(record, label, random, lead=random["difference"], missing=random["missing"], is_random=True))
    return rows


def optimum_rows(tree: Sequence[Metrics]) -> list[Row]:
    """How the trees look, how far they are from random ones, and how close the heuristic comes to the optimum."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"]}
        | {"edges": _points(record["edges"], 1), "without_tree": record["without_tree"]}
        | {"z": _median(record, "faithfulness")}
        | {"ratio": _percent(best["ratio"]), "reached": _percent(best["reached"]), "proven": best["proven"]}
        for record in tree
        for best in [record["optimum"]]
    ]


def _row(
    record: Metrics, label: str, arm: Metrics, *, lead: Metrics | None, missing: float | None, is_random: bool = False
) -> Row:
    return (
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "edges_of": label}
        | {name: _points(arm[name]) for name in VALUES}
        | {"faithfulness_open": None if is_random else _points(arm["open"]["faithfulness"])}
        | {"tree_lead": None if lead is None else _points(lead), "missing": missing}
    )


def _median(record: Metrics, name: str) -> Interval | None:
    """The middle half of the examples stands where intervals have their ends."""
    z = record["random"]["z"].get(name)
    return Interval(z["median"], z["q25"], z["q75"]) if z else None


def _points(part: Metrics, scale: float = 100) -> Interval:
    return Interval(scale * part["value"], scale * part["low"], scale * part["high"])


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
