"""The rows of the tables about attribution's own error."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reporting.cells import Metrics
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.style import RULES
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """20 steps judged, steps needed, and completeness by layer."""
    gaps = results.table("attribute", "completeness").to_dict("records")
    return {
        "steps20": statistic_rows(results.statistics("convergence")),
        "convergence": convergence_rows(results.records("convergence")),
        "completeness": completeness_rows(gaps),
    }


def convergence_rows(convergence: Sequence[Metrics]) -> list[Row]:
    """Per rule: the fewest steps whose pooled relative edge error stays at or below 1, 0.1 and 0.01 %."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "rule": RULES[rule].label}
        | {f"steps_{100 * float(level):g}": steps for level, steps in _by_level(record["steps_needed"][rule])}
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


def trust_rows(convergence: Sequence[Metrics]) -> list[Row]:
    """How far the references of the judged examples can be trusted."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": judged["n"], "unconverged": judged["unconverged"]}
        | {"decided_by_doubt": judged["decided_by_doubt"]}
        | {"doubt": 100 * judged["doubt"], "largest_doubt": 100 * judged["largest_doubt"]}
        | {"judge_error": 100 * record["judge_error"], "reference_error": 100 * record["reference_error"]}
        for record in convergence
        for judged in [record["judged"]]
    ]


def completeness_rows(completeness: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Per layer, counted from 1: the completeness gap, the change of F that it belongs to, and the steps taken."""
    return [
        {"task": row["task"], "seed": row["seed"], "layer": row["layer"] + 1, "n": row["n"]}
        | {name: float(row[column]) for name, column in GAPS.items()}
        | {"steps_mean": float(row["steps"]), "unconverged": int(row["unconverged"])}
        for row in completeness
    ]


GAPS = {"gap_median": "median", "gap_q95": "q95", "gap_max": "max", "change": "change"}


def _by_level(steps_needed: Mapping[str, int | None]) -> list[tuple[str, int | None]]:
    """The coarsest level first."""
    return sorted(steps_needed.items(), key=lambda pair: -float(pair[0]))
