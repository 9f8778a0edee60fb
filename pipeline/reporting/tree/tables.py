"""The rows of the table about attribution trees."""

from collections.abc import Sequence

from pipeline.analysis.claims import RIVALS
from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import Row
from pipeline.reporting.tables import Metrics, in_percent, scaled

ARMS = {**RIVALS, "optimum": "exact optimum"}
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
        | {"edges": scaled(record["edges"]), "without_tree": record["without_tree"]}
        | {"z": _median(record, "faithfulness")}
        | {"ratio": in_percent(best["ratio"]), "reached": in_percent(best["reached"]), "proven": best["proven"]}
        for record in tree
        for best in [record["optimum"]]
    ]


def _row(
    record: Metrics, label: str, arm: Metrics, *, lead: Metrics | None, missing: float | None, is_random: bool = False
) -> Row:
    return (
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "edges_of": label}
        | {name: scaled(arm[name], 100) for name in VALUES}
        | {"faithfulness_open": None if is_random else scaled(arm["open"]["faithfulness"], 100)}
        | {"tree_lead": scaled(lead, 100), "missing": missing}
    )


def _median(record: Metrics, name: str) -> Interval | None:
    """The middle half of the examples stands where intervals have their ends."""
    z = record["random"]["z"].get(name)
    return Interval(z["median"], z["q25"], z["q75"]) if z else None
