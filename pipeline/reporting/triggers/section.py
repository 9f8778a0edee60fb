"""Do tokens with strong attribution fool the model?"""

from pipeline.analysis.quantities import Triggers
from pipeline.analysis.trigger_answers import KINDS
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.triggers.tables import PAPER, attack_rows, best_rows, control_rows, mined_rows, strongest_rows

BESIDE = (Triggers.BEYOND_CONTROL, Triggers.BEST_BEYOND_CONTROL, Triggers.STRONGEST_BEYOND_MINED)
QUESTION = (
    "In the head that holds the largest attribution of a training example, the tokens of its two strongest edges are "
    "taken as a trigger and inserted, at the same relative positions, into other examples. How much accuracy does it "
    "cost?"
)
MINED = (
    "Triggers mined, from how many examples, and examples that gave none: without a token that is not special, too "
    "weak, or with the tokens of a stronger one."
)
FOREIGN = (
    "A trigger comes from an example with a predicted class. Its foreign drop is the accuracy that it costs on the "
    "examples of all other classes: towards its own class a trigger may well help. Several triggers' foreign drop is "
    "the mean of theirs."
)
PROTOCOL = (
    "Every trigger, mined or control, is run on held-out training examples and on dev. The best {best} of each kind "
    "are those with the largest foreign drop on the held-out examples; all numbers are from dev. Controls have the "
    "mined triggers' classes, places and numbers of tokens: random tokens, tokens as frequent in the training "
    "examples, the tokens of all triggers exchanged among them, and HotFlip, which changes tokens along the gradient "
    "of the loss of other held-out examples for as long as that raises it. Those mined from attention, in the same "
    "way, have classes, places and numbers of tokens of their own."
)
ALT = (
    "Scatter plots, one per task, of the foreign drop of each mined trigger against its attribution, beside the means "
    "of every kind. In points: {drops}."
)
CAPTION = (
    "Mined triggers tell something where they cost more than the controls at the right. Foreign drop on dev of every "
    "mined trigger; crosses mark triggers that send nearly all examples to one class. "
    "Right of the line: means of every kind with 95 % intervals, filled over all triggers, open over the best {best}."
)
READING = (
    "How to read it: a drop alone shows that a model can be disturbed by inserted words. Attribution finds words that "
    "fool it only as far as the mined triggers cost more than the controls; if it found nothing, the differences to "
    "random, equally frequent and exchanged tokens would be zero. A difference between the best triggers holds the "
    "luck of the choice on both sides. The shown, strongest ones are typical if they cost what all cost. Where the "
    "interval is one of this model, it holds the triggers fixed: controls drawn anew differ by more."
)
COLLAPSE = (
    "A trigger collapses to a class that then makes up {share:g} % of the predictions or more: its drop is little else "
    "than what always naming that class would cost, and the mean without such triggers is given too."
)
SHOWN = "A double bar separates the two segments: tokens before it go to the first, tokens after it to the second."
STRONGEST = (
    "The strongest mined triggers by the class that is predicted where they were found, and what they cost on dev."
)
BEST = "The mined triggers with the largest foreign drop on held-out examples, and what they cost on dev."
ATTACK = "Dev accuracy by class, without a trigger and with each of those in the table above."
ATTACK_PAPER = " The last but one column is what the strongest trigger of the paper's table costs there, in points."
OTHER = "What the best mined triggers do to all examples, and all mined ones."


def section(context: ReportContext) -> Section:
    """The figure, what triggers cost and how much more than controls, the paper's tables of patterns and attacks."""
    records, found = context.records["triggers"], context.statistics["triggers"]
    best = context.parameters["analyse"]["best_triggers"]
    of_kinds = [Triggers.FOREIGN_DROP.where(group=kind) for kind in KINDS]
    attacked = ATTACK + (ATTACK_PAPER if any(record["task"] in PAPER for record in records) else "")
    blocks: list[Block] = [
        Text(QUESTION),
        Table(MINED, mined_rows(records)),
        Text(FOREIGN),
        Text(PROTOCOL.format(best=best)),
        Picture("triggers", ALT.format(drops=in_words(found, *of_kinds)), CAPTION.format(best=best), stage="triggers"),
        Text(READING),
        Table("Foreign drops.", statistic_rows(found, Triggers.FOREIGN_DROP)),
        Table("Foreign drops beside each other.", statistic_rows(found, *BESIDE)),
        Table(OTHER, statistic_rows(found, Triggers.DROP, Triggers.FLIPPED, Triggers.SPEARMAN, Triggers.COLLAPSING)),
        Text(COLLAPSE.format(share=100 * context.parameters["analyse"]["collapse_share"])),
        Table("Triggers of every kind.", control_rows(records)),
    ]
    if rows := best_rows(records):
        blocks += [
            Table(STRONGEST, strongest_rows(records)),
            Table(BEST, rows),
            Text(SHOWN),
            Table(attacked, attack_rows(records)),
        ]
    return Section("triggers", "Adversarial triggers", blocks)
