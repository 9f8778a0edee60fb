"""Do the same heads matter in other tasks?"""

from typing import Any

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.style import METHODS, task_name
from pipeline.reporting.universality.plots import in_digits, shown_pairs
from pipeline.reporting.universality.tables import AGREEMENT, FUNCTIONAL

QUESTION = (
    "Every head has one importance per model (measure: {method}), here divided by the largest. Do the heads that "
    "matter in one task matter in another?"
)
NOTHING = "No two models can be compared here: universality needs two tasks or two seeds of one."
ALT = "Scatter plots of head importance, task against task and seed against seed, one point per head. {values}."
CAPTION = (
    "The closer points lie to the line, the more two models agree on which heads matter. Normalised importance of "
    "every head, pairs of tasks with the first seed, then each task with two seeds. On the line a head is as important "
    "in both. Lighter points are heads of lower layers; r is Pearson's, ρ Spearman's."
)
READING = (
    "How to read it: r is 1 where two models agree and 0 on average where they know nothing of each other. Each seed "
    "gives one r for each pair of tasks, and the intervals are over seeds. Some layers matter more than others in any "
    "task; within layers, each layer's mean is subtracted first, and what is left is agreement about heads."
)
CEILING = (
    "Two seeds of one task are the ceiling that two tasks can reach: the mean over all pairs of seeds, which share "
    "models, so that it has no interval."
)
NO_CEILING = "One seed was run, so the agreement between two seeds of one task, the ceiling, is not known here."
SCRATCH = (
    "These models were trained from scratch, each from random weights of its own. A head of one has nothing in common "
    "with that of another but its layer, so this run cannot confirm or refute what the paper says of fine-tuned models."
)
PAPER = (
    "The paper reports that the heads important in one task are important in similar tasks too, and less so in "
    "dissimilar ones; its similar pair here is MNLI and RTE."
)
LOST = (
    "The functional test prunes each model in the order of another model's importance. What it loses is the AUC with "
    "its own ranking minus that with the other one, in points: zero where the other ranking serves as well, negative "
    "where it serves better. A ranking of the same task and another seed shows the least that another task's can be "
    "expected to lose, random orders what is lost by a ranking that knows nothing."
)
ONE_TASK = "With one task there is no ranking of another to prune by."


def section(context: ReportContext) -> Section:
    """The scatter plots, the correlations beside their ceiling, and the functional test."""
    (record,), found = context.records["universality"], context.statistics["universality"]
    pairs, agreement = record["pairs"], statistic_rows(found, *AGREEMENT)
    blocks: list[Block] = [Text(QUESTION.format(method=METHODS[record["method"]].label))]
    if shown_pairs(pairs):
        values = "; ".join(map(_in_words, shown_pairs(pairs)))
        ceiling = CEILING if any(pair["same_task"] for pair in pairs) else NO_CEILING
        blocks += [
            Picture("universality", ALT.format(values=values), CAPTION, stage="universality"),
            Text(f"{READING} {ceiling}"),
            Table("Agreement of head importance between models.", agreement),
            Text(PAPER),
        ]
        if context.parameters["model"]["source"] == "scratch":
            blocks.append(Text(SCRATCH))
    else:
        blocks.append(Text(NOTHING))
    several = len({one["task"] for one in found if one["task"]}) > 1
    blocks += [
        Text(LOST if several else f"{LOST} {ONE_TASK}"),
        Table("AUC lost by pruning in another order.", statistic_rows(found, *FUNCTIONAL)),
    ]
    return Section("universality", "Universality of important heads", blocks)


def _in_words(pair: Any) -> str:
    names = [f"{task_name(pair[side]['task'])}, seed {pair[side]['seed']}" for side in ("a", "b")]
    return f"{' and '.join(names)}: r {in_digits(pair['pearson'])}, ρ {in_digits(pair['spearman'])}"
