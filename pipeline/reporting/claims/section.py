"""What the run decides of the paper's claims and of a review's objections: the page on which the report opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.analysis.verdicts import LEAST_REPLICATES
from pipeline.reporting.blocks import ReportContext, Section, Table, Tabs, Text
from pipeline.reporting.claims.abstract import abstract
from pipeline.reporting.claims.kept import kept_verdicts, most_models
from pipeline.reporting.claims.tables import claim_rows, primary_rows, secondary_rows
from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.reporting.blocks import Block
    from pipeline.reporting.cells import Metrics
    from pipeline.reporting.table_text import Row

READING = (
    "How to read it: P are claims of the paper, R objections of a review of it, N claims that are new here. Verdicts "
    "count tasks. A claim has a primary row or several per task and a rule that was written down with its date "
    "(`pipeline/analysis/rules.yaml`, SHA-256 {digest}); it is reproduced (an objection: upheld) on a task if its "
    "statistic lies on the rule's side of the limit, not reproduced if it lies on the other, at a level of 5 % over "
    "the claim's tasks (Holm). Else it is open: the rows that decide say which way it points, and whether models or "
    "examples are missing. Intervals are those that decided; they hold both the models and the examples. R5, that "
    "details are missing, is answered by the table of choices at the end."
)
TABLE = "Claims and verdicts, with the values of the rows that decide and their 95 % intervals, task by task."
FEW = (
    "This is a smoke run, which shows directions only: it has {models} per task, and a verdict needs three, as a model "
    "that is trained again differs more than other examples do. The intervals of single models are over examples and "
    "say nothing about other models."
)
KEPT = "Beside each verdict stands that of the kept results of this preset, `results/{preset}`, of more models."
RULE = "Rule of {date}: {rule}. From {source}."
SEEN = "Models whose earlier results were known when the rule was written: {listed}."


def section(context: ReportContext) -> Section:
    """A line per claim, then what each is made of."""
    claims = context.records["claims"]
    digest = claims[0]["digest"]
    blocks: list[Block] = [Text(_what_was_run(context)), *map(Text, abstract(claims))]
    if (count := most_models(context.records["finetune"])) < LEAST_REPLICATES:
        blocks.append(Text(FEW.format(models=f"{count} model" + ("s" if count > 1 else ""))))
    kept = {} if context.replicates else kept_verdicts(context.preset, models=count)
    if kept:
        blocks.append(Text(KEPT.format(preset=context.preset)))
    blocks += [Table(TABLE, claim_rows(claims, kept)), Text(READING.format(digest=digest[:16]))]
    return Section("claims", "Claims", blocks)


def claim_details(context: ReportContext) -> Section:
    """A panel for every claim that has a task in this run."""
    claims = [claim for claim in context.records["claims"] if claim["tasks"]]
    panels = {claim["id"]: _claim(claim) for claim in claims}
    return Section("claims-in-detail", "Claims in detail", [Tabs("claim", panels)] if panels else [])


def _what_was_run(context: ReportContext) -> str:
    """The preset, the models and their tasks: `Preset mini: 3 models each of negation and inference ...`"""
    models: dict[str, set[int]] = {}
    for one in context.records["finetune"]:
        models.setdefault(one["task"], set()).add(one["seed"])
    counts = [f"{task_name(task)} ({len(seeds)} model{'s' * (len(seeds) > 1)})" for task, seeds in models.items()]
    return f"What was run: preset `{context.preset}`, {context.model}, on {', '.join(counts)}."


def _claim(claim: Metrics) -> Sequence[Block]:
    seen = [
        f"{task_name(one['task'])} seed {', '.join(map(str, one['seen']))}" for one in claim["tasks"] if one["seen"]
    ]
    text = f"{claim['id']}: {claim['claim']}. " + RULE.format(**{k: claim[k] for k in ("date", "rule", "source")})
    text += f" Verdict: {claim['verdict']}."
    if seen:
        text += " " + SEEN.format(listed="; ".join(seen))
    # The claim and the seeds are named above.
    deciding = [_without(row, "claim", "seen") for row in primary_rows(claim)]
    secondary = secondary_rows(claim)
    return [
        Text(text),
        Table(f"{claim['id']}, the rows that decide.", deciding),
        *([Table(f"{claim['id']}, beside them: no verdict comes from these.", secondary)] if secondary else []),
    ]


def _without(row: Row, *names: str) -> Row:
    return {key: cell for key, cell in row.items() if key not in names}
