"""Does attribution find a planted shortcut, and can it be pruned away?"""

from collections.abc import Mapping
from typing import Any

from pipeline.analysis.quantities import Shortcut
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.style import task_name
from pipeline.reporting.truth.section import leader
from pipeline.values.columns import ATTRIBUTION

PLANTED = (
    "A word that no text holds is put into {share} of one class's training rows, and {decoys} decoys, of no text "
    "either, each into as many rows of whatever class; the model is fine-tuned on them as always. The words: {words}. "
    "All dev rows have the decoys, so that to be new or strange is not enough. In rows of the other classes the word "
    "then speaks for a class that is not theirs: every token is ranked by the attribution that it passes on for that "
    "class, the positive scores of the edges that read it, and by the other methods; special tokens are left out. By "
    "chance the word is first in one of as many examples as a text has tokens; a method that knows no more than which "
    "words were planted names it in one of {planted}."
)
BROUGHT = (
    "Attribution shares out what attention brings: the probability of the class less what is left without a layer's "
    "attention. Where a model names the class even without any attention there is nothing to share out, and "
    "attribution says little; the first table holds how much there is. And what a token passes on need not be its "
    "own: one through which the word's say travels is credited with it."
)
PRUNED = (
    "Then the heads that read the word most, on held-out rows, are masked, and random ones beside them. In turned "
    "rows the word is in every class but its own, so that who follows it is wrong; on plain rows nobody has it. A "
    "model that names one class only has that class's share of either kind, so that what comes back is worth "
    "something only where plain rows do not suffer."
)
ALT = "Dots with intervals, one chart per task: first places by method, in percent of the examples. {values}."
CAPTION = (
    "The further to the right, the surer a score names the word on which the model relies. Examples in which the "
    "planted word comes first of all tokens, in percent, with 95 % intervals."
)
PRUNED_ALT = "Line charts, one per task: accuracy on turned rows against heads masked. Changes: {values}."
PRUNED_CAPTION = (
    "A line that rises above that of random heads brings accuracy back. Accuracy on rows in which the word is moved to "
    "the other classes, against the share of heads that are masked: those that read the word most come first. With "
    "several seeds, thick lines are their mean and thin lines the seeds."
)


def section(context: ReportContext) -> Section:
    """Who names the word, how much the model relies on it, and what comes back."""
    found, values, records = context.statistics["shortcut"], context.parameters["shortcut"], context.records["shortcut"]
    words = "; ".join(_words(one) for one in records)
    planted = PLANTED.format(
        share=f"{values['share']:.0%}", decoys=values["decoys"], planted=1 + values["decoys"], words=words
    )
    blocks: list[Block] = [
        Text(leader(found, Shortcut.FIRST, "The planted word first, % of examples")),
        Text(planted),
        Table(
            "What the model makes of the word.",
            statistic_rows(found, Shortcut.ACCURACY, Shortcut.RELIED, Shortcut.BROUGHT),
        ),
        Picture("shortcut", ALT.format(values=in_words(found, Shortcut.FIRST)), CAPTION, stage="shortcut"),
        Table(
            "Share of first places, and attribution's beside the others'.",
            statistic_rows(found, Shortcut.FIRST, Shortcut.BEYOND_CHANCE, Shortcut.FIRST_LEAD),
        ),
        Text(BROUGHT),
        Text(PRUNED),
        Picture(
            "shortcut_pruned",
            PRUNED_ALT.format(values=in_words(found, Shortcut.REGAINED.where(method=ATTRIBUTION))),
            PRUNED_CAPTION,
            stage="shortcut",
        ),
        Table(
            "What changes on turned and on plain rows, at one rate, the same for all models.",
            statistic_rows(found, Shortcut.REGAINED, Shortcut.REGAINED_LEAD, Shortcut.SPARED),
        ),
    ]
    return Section("shortcut", "A planted shortcut", blocks)


def _words(record: Mapping[str, Any]) -> str:
    """The planted word of a model, and its decoys."""
    decoys = f" (decoys {', '.join(f'“{decoy}”' for decoy in record['decoys'])})" if record["decoys"] else ""
    return f"{task_name(record['task'])}, seed {record['seed']}, “{record['word']}”{decoys}"
