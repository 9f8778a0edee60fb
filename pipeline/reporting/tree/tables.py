"""The rows of the table about attribution trees."""

from collections.abc import Sequence

from pipeline.analysis.intervals import Interval
from pipeline.reporting.cells import Metrics, in_percent, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row

VALUES = ("sufficiency", "comprehensiveness", "faithfulness")


def tables(results: Results) -> dict[str, list[Row]]:
    """What edges carry, and how the trees look."""
    records = results.records("tree")
    return {"trees": tree_rows(records), "tree_shapes": optimum_rows(records)}


def tree_rows(tree: Sequence[Metrics]) -> list[Row]:
    """Per set of edges: what is lost with them only and without them, and the tree's lead; all in points."""
    rows = []
    for record in tree:
        rows.append(_row(record, f"attribution tree, τ = {record['tau']:g}", record, lead=None, missing=None))
        rows += [
            _row(record, arm["label"], arm, lead=arm["difference"], missing=arm["missing"])
            for arm in record["baselines"]
        ]
        random = record["random"]
        label = f"mean of {random['trees']} random trees"
        rows.append(_row(record, label, random, lead=random["difference"], missing=random["missing"]))
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


def _row(record: Metrics, label: str, arm: Metrics, *, lead: Metrics | None, missing: float | None) -> Row:
    """Random trees have no variant with open rows."""
    return (
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "edges_of": label}
        | {name: scaled(arm[name], 100) for name in VALUES}
        | {"faithfulness_open": scaled(arm["open"]["faithfulness"], 100) if "open" in arm else None}
        | {"tree_lead": scaled(lead, 100), "missing": missing}
    )


def _median(record: Metrics, name: str) -> Interval | None:
    """The middle half of the examples stands where intervals have their ends."""
    z = record["random"]["z"].get(name)
    return Interval(z["median"], z["q25"], z["q75"]) if z else None
