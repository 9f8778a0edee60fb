"""Write the report: one HTML page, and the same as Markdown.

Reads:  params.yaml and its preset in conf/, outputs/{source,analysis,data,examples,figures}
Writes: outputs/report/{index.html,report.md}
Run:    python -m pipeline.report
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipeline.launch.cli import run_stage
from pipeline.values.paths import data_folder, summary_folder

if TYPE_CHECKING:
    from pipeline.reporting.blocks import ReportContext
    from pipeline.values.config import StageConfig

log = logging.getLogger(__name__)

LARGEST = 8_000_000  # bytes of the page: browsers and mail take it


def main(config: StageConfig) -> None:
    """Gather what the page shows, render it twice."""
    from pipeline.reporting.overview import OVERVIEW, show_overview
    from pipeline.reporting.page import render_html, render_markdown
    from pipeline.tracking.tracking import track, what_was_run
    from pipeline.values.store import replace

    context, folder = gathered(config), summary_folder(config.output_root, "report")
    with track(config, name=OVERVIEW, notes=what_was_run(config)) as tracker:
        page = render_html(context).encode()
        if len(page) > LARGEST:
            log.warning("index.html has %.1f MB, above %d: show fewer tasks at once", len(page) / 1e6, LARGEST / 1e6)
        replace(folder / "index.html", page)
        replace(folder / "report.md", render_markdown(context).encode())
        show_overview(tracker, config, context)


def gathered(config: StageConfig) -> ReportContext:
    """Everything that the report is made of, from the files of the run."""
    from pipeline.launch.work import pipeline_run
    from pipeline.reporting.blocks import ReportContext
    from pipeline.reporting.experiments import SHOWN
    from pipeline.reporting.results import Results
    from pipeline.reporting.sections.replicates import made_of
    from pipeline.values.per_task import shown_names
    from pipeline.values.presets import overrides
    from pipeline.values.store import read_json

    results = Results(config.input_root, config.tasks, config.seeds)
    replicates = results.replicates()
    figures, values = summary_folder(config.input_root, "figures"), config.values()
    prepared = {task: data_folder(config.input_root, *results.first(task)) for task in config.tasks}
    return ReportContext(
        title=f"{config.report.title}: preset {config.preset}, seeds {', '.join(map(str, config.seeds))}",
        preset=config.preset,
        overrides=overrides(values),
        model=", ".join(shown_names(config.model.name, config.tasks, config.seeds))
        if config.model.name
        else f"BERT from scratch, {config.model.layers} layers, {config.model.heads} heads",
        seeds=config.seeds,
        splits={task: read_json(folder / "prepare.json")["examples"] for task, folder in prepared.items()},
        parameters=values,
        records={name: results.records(name) for name in SHOWN},
        statistics={name: results.statistics(name) for name in SHOWN},
        completeness=results.table("attribute", "completeness").to_dict("records"),
        figures={path.stem: path.read_text(encoding="utf-8") for path in sorted(figures.glob("*.svg"))},
        replicates=replicates,
        made=made_of(replicates) if replicates else f"run {pipeline_run(config)}",
        examples=[example for task in config.tasks for example in results.examples(task)],
    )


if __name__ == "__main__":
    run_stage("report", main)
