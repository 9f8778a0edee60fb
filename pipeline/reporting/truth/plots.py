"""How well every method's scores agree with knock-outs, what groups of edges lose, what shuffled weights leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from pipeline.analysis.quantities import Truth
from pipeline.reporting.panels import line_figure, method_dots
from pipeline.reporting.results import Results
from pipeline.values.columns import PAIRS

if TYPE_CHECKING:
    from pipeline.values.schema import Figures


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """AUROC and average precision of query-key pairs, what groups of them lose, and what shuffled weights leave."""
    return {
        "truth": method_dots(
            results.statistics("truth"),
            quantity=Truth.AGREEMENT.where(measure="auroc", level=PAIRS),
            known_nothing=0.5,
            xlabel="AUROC of query-key pairs that matter",
        ),
        "truth_precision": method_dots(
            results.statistics("truth"),
            quantity=Truth.AGREEMENT.where(measure="average_precision", level=PAIRS),
            known_nothing=0,
            xlabel="average precision of query-key pairs that matter",
        ),
        "truth_groups": line_figure(
            results.table("truth", "groups"),
            x="size",
            y="lost",
            xlabel="query-key pairs removed together",
            ylabel="log-odds lost",
            log=True,
        ),
        "randomised": line_figure(
            results.table("truth", "randomised"),
            x="shuffled",
            y="spearman",
            xlabel="shuffled: the classifier, then layers from the last",
            ylabel="Spearman's r",
            log=False,
        ),
    }
