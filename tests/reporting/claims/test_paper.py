"""The paper's own numbers beside the run's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from pipeline.reporting.claims.paper import paper_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.reporting.blocks import ReportContext


def test_accuracy_with_two_heads_is_on_the_papers_scale(
    report_context: ReportContext, statistic_row: Callable[..., dict[str, Any]]
) -> None:
    kept = statistic_row("kept/attribution_gold", 2.5)
    two = [{"task": "negation", "baseline_accuracy": value, "n_heads": 4} for value in (0.875, 0.625)]
    context = dataclasses.replace(
        report_context,
        records={**report_context.records, "effectiveness": two},
        statistics={**report_context.statistics, "effectiveness": [kept]},
    )
    text = paper_words("P3a", context) or ""
    assert "nearly 97 %†" in text
    assert text.endswith("Here it is 77.5 % on negation, by the gold label, too.")
    assert (paper_words("P3a", report_context) or "").endswith("“Effectiveness”).")


def test_triggers_of_the_papers_tasks_are_named_by_class(report_context: ReportContext) -> None:
    of_sst2 = dataclasses.replace(report_context, splits={"sst2": {}, "negation": {}})
    # 91.82 to 72.20 and 92.79 to 54.95.
    assert "The strongest costs 19.6 points of negative and 37.8 points of positive on SST-2." in (
        paper_words("P8a", of_sst2) or ""
    )
    # 90.32 to 83.51 is the least, 82.87 to 0.80 the most.
    assert "7 to 82 points of a class's accuracy, on MNLI, SST-2, RTE and MRPC." in (
        paper_words("P8a", report_context) or ""
    )


def test_of_what_is_not_the_papers_it_says_nothing(report_context: ReportContext) -> None:
    assert paper_words("N1", report_context) is paper_words("R1", report_context) is None
    assert paper_words("X9", report_context) is None
