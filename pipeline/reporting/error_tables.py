"""The rows of the tables about attribution's own error, and of the claims table."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.convergence import LEVELS
from pipeline.analysis.intervals import Interval
from pipeline.reporting.style import RULES
from pipeline.reporting.table_text import Row

Metrics = Mapping[str, Any]


def convergence_rows(convergence: Sequence[Metrics]) -> list[Row]:
    """Per rule: the fewest steps whose pooled relative edge error stays at or below 1, 0.1 and 0.01 %."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "rule": RULES[rule].label}
        | {f"steps_{100 * level:g}": record["steps_needed"][rule][f"{level:g}"] for level in LEVELS}
        for record in convergence
        for rule in RULES
        if rule in record["steps_needed"]
    ]


def auto_rows(convergence: Sequence[Metrics]) -> list[Row]:
    """What `steps: auto` reached on the same examples."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"]}
        | {"tolerance": 100 * auto["tolerance"], "auto_error": 100 * auto["error"]}
        | {"within_tolerance": 100 * auto["within_tolerance"], "steps_mean": auto["steps_mean"]}
        | {"pairs": auto["pairs"], "unconverged": auto["unconverged"]}
        for record in convergence
        for auto in [record["auto"]]
    ]


def completeness_rows(completeness: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Per layer, counted from 1: the completeness gap, the change of F that it belongs to, and the steps taken."""
    return [
        {"task": row["task"], "seed": row["seed"], "layer": row["layer"] + 1, "n": row["n"]}
        | {name: float(row[column]) for name, column in GAPS.items()}
        | {"steps_mean": float(row["steps"]), "unconverged": int(row["unconverged"])}
        for row in completeness
    ]


def claim_rows(convergence: Sequence[Metrics]) -> list[Row]:
    """Claims about the integral: what was measured, and what it decides by the rule that params.yaml states."""
    return [
        {"claim": "P1", "statement": "m = 20 steps suffice", "task": record["task"], "seed": record["seed"]}
        | {"n": record["n"], "statistic": "relative edge error of 20 right-rule steps, %"}
        | {"value": Interval(**{name: 100 * value for name, value in paper["error"].items()})}
        | {"rule": f"at most {100 * paper['limit']:g}", "verdict": paper["verdict"]}
        for record in convergence
        if (paper := record.get("paper"))
    ]


GAPS = {"gap_median": "median", "gap_q95": "q95", "gap_max": "max", "change": "change"}
