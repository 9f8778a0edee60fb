"""Do the same heads matter in other tasks?"""

from typing import Any

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.style import METHODS, task_name
from pipeline.reporting.table_text import MISSING
from pipeline.reporting.universality.plots import shown_pairs
from pipeline.reporting.universality.tables import correlation_rows, functional_rows

QUESTION = (
    "Every head has one importance per model (measure: {method}), here divided by the largest. Do the heads that "
    "matter in one task matter in another?"
)
NOTHING = "With one model there is no other to compare it with: universality needs two tasks or two seeds."
ALT = "Scatter plots of head importance, task against task and seed against seed, one point per head. {values}."
CAPTION = (
    "Normalised importance of every head, pairs of tasks with the first seed, then each task with two seeds. On the "
    "line a head is as important in both. Lighter points are heads of lower layers; r is Pearson's, ρ Spearman's."
)
READING = (
    "How to read it: two seeds of one task are the ceiling that two tasks can reach. Layers alone is the correlation "
    "to be expected if the heads of every layer were shuffled among themselves: some layers matter more than others "
    "in any task, and only what exceeds this value is agreement about heads. Brackets are a bootstrap over heads: "
    "they say how far few heads decide the value."
)
NO_CEILING = "One seed was run, so this ceiling is not known here."
SCRATCH = (
    "These models were trained from scratch, each from random weights of its own. A head of one has nothing in common "
    "with that of another but its layer, so this run cannot confirm or refute what the paper says of fine-tuned models."
)
PAPER = (
    "The paper reports that the heads important in one task are important in similar tasks too, and less so in "
    "dissimilar ones; its similar pair here is MNLI and RTE."
)
FUNCTIONAL = (
    "The functional test prunes each model in the order of another task's importance, computed with the same seed. "
    "What it loses is the AUC with its own ranking minus that with the foreign one, in accuracy points: near zero "
    "where the foreign ranking serves as well, negative where it serves better. nAUCs are left out where the whole "
    "model is not three standard errors above the majority class."
)
ONE_TASK = "With one task there is no ranking of another to prune by."


def section(context: ReportContext) -> Section:
    """The scatter plots, the correlations beside their ceiling, and the functional test."""
    found = context.records["universality"][0]
    pairs, functional = found["pairs"], found["functional"]
    blocks: list[Block] = [Text(QUESTION.format(method=METHODS[found["method"]].label))]
    if pairs:
        values = "; ".join(map(_in_words, shown_pairs(pairs)))
        # Different tasks with different seeds are in the tables' folder: they would hide what is compared here.
        listed = [pair for pair in pairs if pair["same_task"] or pair["a"]["seed"] == pair["b"]["seed"]]
        reading = READING if any(pair["same_task"] for pair in pairs) else f"{READING} {NO_CEILING}"
        blocks += [
            Picture("universality", ALT.format(values=values), CAPTION),
            Text(reading),
            Table("Correlation of head importance between models.", correlation_rows(listed)),
            Text(PAPER),
        ]
        if context.parameters["model"]["source"] == "scratch":
            blocks.append(Text(SCRATCH))
    else:
        blocks.append(Text(NOTHING))
    if functional:
        blocks += [Text(FUNCTIONAL), Table("Pruning by another task's ranking.", functional_rows(functional))]
    else:
        blocks.append(Text(ONE_TASK))
    return Section("universality", "Universality of important heads", blocks)


def _in_words(pair: Any) -> str:
    names = [f"{task_name(pair[side]['task'])}, seed {pair[side]['seed']}" for side in ("a", "b")]
    r, rho = (f"{pair[kind]['value']:z.2f}" if pair[kind] else MISSING for kind in ("pearson", "spearman"))
    return f"{' and '.join(names)}: r {r}, ρ {rho}"
