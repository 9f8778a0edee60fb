"""What the run decides of the paper's claims and of a review's objections: the page on which the report opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.analysis.verdicts import LEAST_REPLICATES
from pipeline.reporting.blocks import Fold, Heading, ReportContext, Section, See, Table, Text
from pipeline.reporting.claims.abstract import abstract
from pipeline.reporting.claims.findings import finding, told
from pipeline.reporting.claims.kept import kept_verdicts, most_models
from pipeline.reporting.claims.paper import paper_words
from pipeline.reporting.claims.tables import claim_rows, primary_rows, secondary_rows
from pipeline.reporting.claims.words import missing_words, verdict_words
from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.reporting.blocks import Block, Picture
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


def findings_section(context: ReportContext, pictures: Mapping[str, Picture]) -> Section:
    """Of every claim that has a task in this run what was found, its figure, the verdict, and what the paper says.

    A figure stands at the first claim that it shows; the others lead there.
    """
    blocks: list[Block] = []
    place: dict[str, Heading] = {}
    for claim in context.records["claims"]:
        if not claim["tasks"]:
            continue
        heading = Heading(f"{claim['id']}: {claim['claim']}", f"claim-{claim['id']}", claim["id"])
        figure = told().get(claim["id"], {}).get("figure", "")
        blocks += [heading, Text(finding(claim)), Text(_verdict(claim))]
        if said := paper_words(claim["id"], context):
            blocks.append(Text(said))
        if figure in place:
            blocks.append(figure_at(figure, place[figure]))
        elif figure in pictures:
            place[figure] = heading
            blocks.append(pictures[figure])
        blocks.append(Fold(f"{claim['id']}: the rule and its numbers", _numbers(claim)))
    return Section("findings", "What was found", blocks)


def figure_at(name: str, heading: Heading) -> See:
    """A line that leads to the claim where a figure stands."""
    return See(f"The figure of {name.replace('_', ' ')} stands at {heading.short}.", heading.anchor)


def _verdict(claim: Metrics) -> str:
    return f"Verdict: {verdict_words(claim)}. {missing_words(claim)}".rstrip()


def _what_was_run(context: ReportContext) -> str:
    """The preset, the models and their tasks: `Preset mini: 3 models each of negation and inference ...`"""
    models: dict[str, set[int]] = {}
    for one in context.records["finetune"]:
        models.setdefault(one["task"], set()).add(one["seed"])
    counts = [f"{task_name(task)} ({len(seeds)} model{'s' * (len(seeds) > 1)})" for task, seeds in models.items()]
    return f"What was run: preset `{context.preset}`, {context.model}, on {', '.join(counts)}."


def _numbers(claim: Metrics) -> Sequence[Block]:
    seen = [
        f"{task_name(one['task'])} seed {', '.join(map(str, one['seen']))}" for one in claim["tasks"] if one["seen"]
    ]
    text = RULE.format(**{k: claim[k] for k in ("date", "rule", "source")})
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
