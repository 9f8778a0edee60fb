"""The rows of the table of claims."""

from collections.abc import Sequence

from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """The verdicts."""
    return {"claims": claim_rows(results.records("claims"))}


def claim_rows(claims: Sequence[Metrics]) -> list[Row]:
    """One row per claim, model and statistic."""
    return [
        {"claim": claim["id"], "statement": claim["statement"], "task": claim["task"] or "all", "seed": claim["seed"]}
        | {"n": claim["n"], "statistic": claim["statistic"], "value": scaled(claim["value"]), "paper": claim["paper"]}
        | {"rule": claim["rule"], "verdict": claim["verdict"]}
        for claim in claims
    ]
