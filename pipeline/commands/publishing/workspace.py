"""The workspace on Weights & Biases: the overview, then a section for every stage, and one for every claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.reporting.claims.findings import told
from pipeline.reporting.overview import FINDINGS, HEADLINE, OVERVIEW, REPORT, VIEWER
from pipeline.tracking.sentences import TABLES
from pipeline.tracking.tracked_files import CURVES, Curves, lines_of, read_csv
from pipeline.values.paths import analysis_folder, summary_folder
from pipeline.values.present import present
from pipeline.values.store import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wandb_workspaces.workspaces import Section, Workspace

NAME = "Claims and stages"
VIEW = "nw-attattr-v"  # the same one, however often it is saved
AT_ONCE = 6  # panels that a claim shows

Rows = list[dict[str, str]]


def save_workspace(root: Path, *, entity: str, project: str) -> str:
    """Save it, in place of the one that was saved before; its address."""
    workspace = make_workspace(root, entity=entity, project=project)
    workspace._internal_name = VIEW
    return workspace.save().url


def make_workspace(root: Path, *, entity: str, project: str) -> Workspace:
    """The workspace of the results below `root`, whose tables say which lines there are."""
    from wandb_workspaces.workspaces import Workspace

    tables = {
        (experiment, one.table): read_csv(present(analysis_folder(root, experiment) / f"{one.table}.csv", "analyse"))
        for experiment, curves in CURVES.items()
        for one in curves
    }
    claims = read_json(present(analysis_folder(root, "claims") / "records.json", "analyse"))["records"]
    figures = sorted(path.stem for path in summary_folder(root, "figures").glob("**/*.png"))
    sections = [_overview(root, figures), *_claims(claims, tables), *_stages(tables, figures)]
    return Workspace(entity=entity, project=project, name=NAME, sections=sections)


def _overview(root: Path, figures: Sequence[str]) -> Section:
    """What the run `overview` shows: what was found of every claim, the report, examples, headline figures."""
    from wandb_workspaces.reports.v2 import MediaBrowser, WeavePanelSummaryTable
    from wandb_workspaces.workspaces import Section

    pages = sorted(summary_folder(root, "examples").glob("*/viewer.html"))
    tasks = dict.fromkeys(page.parent.name.rpartition("-")[0] for page in pages)
    keys = [REPORT, *(f"{VIEWER}{task}" for task in tasks)]
    shown = {one.get("figure") for one in told().values()}
    keys += [f"{HEADLINE}{name}" for name in figures if name in shown]
    panels = [WeavePanelSummaryTable(table_name=FINDINGS), *(MediaBrowser(title=key, media_keys=[key]) for key in keys)]
    return Section(name=OVERVIEW, panels=panels, is_open=True, pinned=True)


def _claims(claims: Iterable[Mapping[str, Any]], tables: Mapping[tuple[str, str], Rows]) -> list[Section]:
    """What each claim says, the verdict, and the lines of its experiment that its statistics are about."""
    from wandb_workspaces.reports.v2 import MarkdownPanel
    from wandb_workspaces.workspaces import Section

    from pipeline.analysis.rules import read_rules

    rules = {rule.id: rule for rule in read_rules().rules}
    sections = []
    for claim in claims:
        rule = rules[claim["id"]]
        drawn = [one for curves in CURVES.get(rule.experiment, ()) for one in _lines(rule.experiment, curves, tables)]
        words = {word for part in rule.primary for name in part.statistic.split("/") for word in name.split("-")}
        # Those with most of its words; of equal ones the order stays.
        drawn.sort(key=lambda one: -len({*words, "attribution"} & {*one.title.split("/")}))
        text = f"**{claim['claim']}** ({claim['source']})\n\nRule: {claim['rule']}. Verdict: **{claim['verdict']}**"
        panels = [MarkdownPanel(markdown=text), *map(_plot, drawn[:AT_ONCE]), *_table(rule.experiment)]
        sections.append(Section(name=f"{claim['id']}: {claim['claim']}", panels=panels))
    return sections


def _stages(tables: Mapping[tuple[str, str], Rows], figures: Sequence[str]) -> list[Section]:
    from wandb_workspaces.reports.v2 import LinePlot, MediaBrowser, WeavePanelSummaryTable
    from wandb_workspaces.workspaces import Section

    training: list[Any] = [LinePlot(title=y, x="trainer/global_step", y=[y]) for y in ("train_loss", "dev_accuracy")]
    sections = [Section(name="finetune", panels=training)]
    for experiment, curves in CURVES.items():
        panels = [_plot(line) for one in curves for line in _lines(experiment, one, tables)]
        if shown := [*panels, *_table(experiment)]:
            sections.append(Section(name=experiment, panels=shown))
    return [
        *sections,
        Section(name="analyse", panels=[WeavePanelSummaryTable(table_name="claims")]),
        Section(name="figures", panels=[MediaBrowser(title=name, media_keys=[name]) for name in figures]),
        Section(name="examples", panels=[MediaBrowser(title="viewer", media_keys=["viewer"])]),
    ]


@dataclass(frozen=True)
class _Line:
    """What a panel draws: a line with its bounds, or the several lines of random orders."""

    title: str
    x: str
    keys: list[str]


def _lines(experiment: str, curves: Curves, tables: Mapping[tuple[str, str], Rows]) -> list[_Line]:
    """Of one model: those of all have the same names."""
    rows = tables[experiment, curves.table]
    of_first = [row for row in rows if all(row.get(name) == rows[0].get(name) for name in ("task", "seed"))]
    bounds = [name for name in curves.values[1:] if name in ("low", "high")]
    return [
        _Line(
            f"{title}/{curves.values[0]}",
            f"{experiment}/{curves.x}",
            [f"{line}/{name}" for line in lines for name in (curves.values[0], *(bounds if len(lines) == 1 else []))],
        )
        for title, lines in lines_of(experiment, curves, of_first).items()
    ]


def _plot(line: _Line) -> Any:
    from wandb_workspaces.reports.v2 import LinePlot

    log = line.x == "convergence/steps"
    return LinePlot(title=line.title, x=line.x, y=[*line.keys], log_x=log, log_y=log)


def _table(experiment: str) -> list[Any]:
    """Of sentences, where the experiment has one."""
    from wandb_workspaces.reports.v2 import WeavePanelSummaryTable

    return [WeavePanelSummaryTable(table_name=TABLES[experiment])] if experiment in TABLES else []
