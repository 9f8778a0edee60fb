"""Do tokens with strong attribution fool the model?"""

from typing import Any

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.style import task_name
from pipeline.reporting.triggers.tables import MINED, attack_rows, best_rows, control_rows, strongest_rows

QUESTION = (
    "In the head that holds the largest attribution of a training example, the tokens of its two strongest edges are "
    "taken as a trigger and inserted, at the same relative positions, into other examples. How much accuracy does it "
    "cost? {mined}."
)
COUNTS = (
    "{model}: {patterns} triggers from {examples} examples ({without_tokens} without a token that is not special, "
    "{too_weak} too weak, {repeats} with the tokens of a stronger one)"
)
PROTOCOL = (
    "Every trigger is run on held-out training examples. The {best} of each kind that cost most there are reported on "
    "dev, beside all mined ones. Controls have the mined triggers' number and positions of tokens: random tokens, "
    "tokens drawn by their frequency, the tokens of all triggers exchanged among them, and HotFlip, one step along the "
    "gradient of the loss. Those mined from attention, in the same way, have places and numbers of tokens of their own."
)
ALT = (
    "Scatter plots, one per task, of the dev accuracy that each mined trigger costs against its attribution, beside "
    "the mean of the best of each kind. Mean drop of the best mined ones, in points: {drops}."
)
CAPTION = (
    "Accuracy lost on dev with every mined trigger; crosses mark triggers that send nearly all examples to one class. "
    "Right of the line: mean of the {best} selected triggers of each kind, with its 95 % interval over dev examples."
)
READING = (
    "How to read it: a drop alone shows that a model can be disturbed. Attribution finds words that fool it only as "
    "far as the mined triggers cost more than random ones at the same places. Between strength and drop, over all "
    "mined triggers, Spearman's r is {correlations}."
)
COLLAPSE = (
    "A trigger collapses to a class that then makes up {share:g} % of the predictions or more: the drop is little else "
    "than what always naming that class would cost. {counts}."
)
SHOWN = "A double bar separates the two segments: tokens before it go to the first, tokens after it to the second."
STRONGEST = (
    "The strongest mined triggers by the class that is predicted where they were found, and what they cost on dev."
)
BEST = "The mined triggers that cost most on held-out examples, and what they cost on dev."
ATTACK = "Dev accuracy by class, without a trigger and with each of those in the table above."
CONTROLS = (
    "Mined triggers and controls. Drop and lead, the mined ones' drop minus the row's, are means over the best "
    "triggers on dev, with 95 % intervals; the last column is the median over all triggers on held-out examples."
)


def section(context: ReportContext) -> Section:
    """The figure, the paper's tables of patterns and attacks, and the controls."""
    records, settings = context.records["triggers"], context.parameters["triggers"]
    names = [f"{task_name(record['task'])}, seed {record['seed']}" for record in records]
    mined = [COUNTS.format(model=name, **record["mined"]) for name, record in zip(names, records, strict=True)]
    drops = [_words(record["best"].get(MINED, {}).get("mean_drop"), scale=100, digits=1) for record in records]
    correlations = [_words(record["spearman"], scale=1, digits=2) for record in records]
    counts = [f"{record['collapsing']} of {record['mined']['patterns']} do" for record in records]

    def listed(values: list[str]) -> str:
        return "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))

    blocks: list[Block] = [
        Text(QUESTION.format(mined="; ".join(mined))),
        Text(PROTOCOL.format(best=settings["best"])),
        Picture("triggers", ALT.format(drops=listed(drops)), CAPTION.format(best=settings["best"])),
        Text(READING.format(correlations=listed(correlations))),
        Table(CONTROLS, control_rows(records)),
    ]
    if best := best_rows(records):
        blocks += [
            Table(STRONGEST, strongest_rows(records)),
            Table(BEST, best),
            Text(SHOWN),
            Table(ATTACK, attack_rows(records)),
            Text(COLLAPSE.format(share=100 * context.parameters["analyse"]["collapse_share"], counts=listed(counts))),
        ]
    return Section("triggers", "Adversarial triggers", blocks)


def _words(part: dict[str, Any] | None, *, scale: float, digits: int) -> str:
    """A statistic with its interval, or that there is none."""
    if part is None:
        return "undefined"
    value, low, high = (f"{scale * part[name]:z.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
