"""The entry of a pipeline run in Weights & Biases: claims, headline figures, examples, and the report as a panel."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.tracking.tracker import Tracker, guarded
from pipeline.tracking.unpublished import closed_tasks, without_texts
from pipeline.values.paths import examples_folder, summary_folder

if TYPE_CHECKING:
    from pipeline.reporting.blocks import ReportContext
    from pipeline.values.config import StageConfig

OVERVIEW = "overview"  # the name of the run, and its job type
FINDINGS, REPORT = "findings", "report"
HEADLINE, VIEWER = "headline/", "viewer_"  # before the name of a figure, of a task


def show_overview(tracker: Tracker, config: StageConfig, context: ReportContext) -> None:
    """Show what the report of `context`, which is written already, shows; nothing if there is no run."""
    if tracker.run is not None:
        guarded(partial(_show, tracker, config, context))


def _show(tracker: Tracker, config: StageConfig, context: ReportContext) -> None:
    from pipeline.reporting.claims.findings import finding, told
    from pipeline.reporting.claims.words import verdict_words

    claims = context.records["claims"]
    rows = [
        {"id": claim["id"], "claim": claim["claim"], "verdict": verdict_words(claim)}
        | {"found": finding(claim) if claim["tasks"] else None, "source": claim["source"]}
        for claim in claims
    ]
    tracker.table(FINDINGS, rows)
    tracker.summary({"verdicts": {claim["id"]: claim["verdict"] for claim in claims}})
    figures = summary_folder(config.input_root, "figures")
    pictured = (told().get(claim["id"], {}).get("figure") for claim in claims if claim["tasks"])
    for name in dict.fromkeys(filter(None, pictured)):
        if (figures / f"{name}.png").is_file():  # of some claims a run has no figure
            tracker.image(f"{HEADLINE}{name}", figures / f"{name}.png")
    closed = closed_tasks(config)
    for task in (one for one in config.tasks if one not in closed):
        page = examples_folder(config.input_root, task, config.seeds[0]) / "viewer.html"
        if page.is_file():  # none of examples that are too long
            tracker.html(f"{VIEWER}{task}", page)
    _report(tracker, config, context)


def _report(tracker: Tracker, config: StageConfig, context: ReportContext) -> None:
    """The page as it stands; made anew without the texts that may not be published, where there are any."""
    from pipeline.reporting.page import render_html

    closed = closed_tasks(config)
    if not closed:
        tracker.html(REPORT, summary_folder(config.output_root, "report") / "index.html")
        return
    records = {name: without_texts(found, closed) for name, found in context.records.items()}
    with TemporaryDirectory() as folder:
        page = Path(folder) / "index.html"
        page.write_text(render_html(replace(context, records=records)), encoding="utf-8")
        tracker.html(REPORT, page)
