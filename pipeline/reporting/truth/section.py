"""Do scores find the edges that matter?"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.keys import Quantity
from pipeline.analysis.methods import named
from pipeline.analysis.quantities import Truth
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import Row
from pipeline.values.columns import ATTRIBUTION, EDGES, PAIRS

QUESTION = (
    "Every edge of some dev examples is knocked out, one at a time and exactly: its attention is set to zero, the "
    "layers above are computed anew, and the change of the predicted class's log-odds is its effect. A query-key pair "
    "is an edge in all heads of its layer together, which is what a tree holds. The examples have at most {tokens} "
    "tokens."
)
AGREE = (
    "AUROC asks whether the absolute score tells the edges that matter, the {share:.0%} of each example with the "
    "largest effects, from the others; 0.5 is what a score that knows nothing has. Precision is the share of the {k} "
    "edges with the largest effects among the {k} with the largest scores. Effects are of the log-odds, as are "
    "gradient × attention and one of the two attributions. Average precision, rank correlation and AUROC where other "
    "shares of pairs matter are in the tables (`tables/truth.csv`)."
)
BY_CONSTRUCTION = (
    "The effect of a small edge is its gradient times its attention, by construction. So a group's loss is the harder "
    "question: the pairs with the largest scores are removed together."
)
ALT = "Dots with intervals, one chart per task: AUROC of query-key pairs by method. {values}."
CAPTION = (
    "The further to the right, the better a score finds the pairs that matter; 0.5 is chance. AUROC of query-key "
    "pairs, with 95 % intervals. With several seeds, small strokes are the seeds."
)
PRECISION_ALT = "Dots with intervals, one chart per task: average precision of query-key pairs by method. {values}."
PRECISION_CAPTION = (
    "The further to the right, the better. Average precision, the area under the curve of precision against recall, "
    "with 95 % intervals; a score that knows nothing has what random ones have, the share of pairs that matter."
)
GROUPS_ALT = "Line charts, one per task: log-odds lost against pairs removed, a line per method. Means: {values}."
GROUPS_CAPTION = (
    "The steeper a line rises, the sooner its score names what carries the prediction. Log-odds of the predicted class "
    "that are lost without the query-key pairs of the largest scores, against their "
    "number. With several seeds, lines are their mean."
)


RANDOMISED = (
    "Scores that hardly change when all that was learned is gone say little about the model. From the classifier down, "
    "the entries of every tensor of weights change places, and the scores for the same class are compared with those "
    "of the unchanged model, pair by pair. Two other models of the task say what to expect: scores that tell what was "
    "learned agree more with theirs than with those of shuffled weights. Attention enters attribution as a factor; "
    "divided by it, the integral of the gradient alone is left."
)
RANDOMISED_ALT = "Line charts, one per task: rank correlation against what is shuffled. With all shuffled: {values}."
RANDOMISED_CAPTION = (
    "Scores that tell what was learned fall towards 0 from left to right. Rank correlation of all pairs' scores with "
    "those of the unchanged model, against the number of parts that are shuffled: the classifier first, then the "
    "layers from the last to the first."
)
OF_PAIRS = Truth.AGREEMENT.where(level=PAIRS)
LEADERS = (
    (OF_PAIRS.where(measure="auroc"), "Single pairs, AUROC"),
    (Truth.LOST, "Groups of pairs, log-odds lost"),
)


def section(context: ReportContext) -> Section:
    """Who comes first, and then by how much."""
    found, values = context.statistics["truth"], context.parameters["truth"]
    blocks: list[Block] = [
        Text(leaders(found)),
        Text(QUESTION.format(tokens=values["max_tokens"])),
        Text(AGREE.format(share=values["largest"], k=values["top_k"])),
        Picture("truth", ALT.format(values=in_words(found, OF_PAIRS.where(measure="auroc"))), CAPTION, stage="truth"),
        Picture(
            "truth_precision",
            PRECISION_ALT.format(values=in_words(found, OF_PAIRS.where(measure="average_precision"))),
            PRECISION_CAPTION,
            stage="truth",
        ),
        Table("Agreement of scores with the effects of query-key pairs.", _agreement(found, PAIRS)),
        Text(BY_CONSTRUCTION),
        Picture("truth_groups", GROUPS_ALT.format(values=in_words(found, Truth.LOST)), GROUPS_CAPTION, stage="truth"),
        Table(
            "Log-odds lost, mean over the sizes of groups.",
            statistic_rows(found, Truth.LOST, Truth.LOST_LEAD, Truth.LOST_LEAD_OF_MARGIN),
        ),
    ]
    if edges := _agreement(found, EDGES):
        blocks.append(Table("Agreement of scores with the effects of edges of single heads.", edges))
    blocks += [
        Text(RANDOMISED),
        Picture(
            "randomised",
            RANDOMISED_ALT.format(values=in_words(found, Truth.RANDOMISED)),
            RANDOMISED_CAPTION,
            stage="truth",
        ),
        Table(
            "Rank correlation with the scores of shuffled weights, and of other models of the task.",
            statistic_rows(found, Truth.RANDOMISED, Truth.SEEDS, Truth.BEYOND_SEEDS),
        ),
    ]
    return Section("truth", "Attribution held against the truth", blocks)


def _agreement(found: Sequence[Mapping[str, Any]], level: str) -> list[Row]:
    """AUROC and precision; the other measures are in the tables."""
    kinds = (Truth.AGREEMENT, Truth.AGREEMENT_LEAD, Truth.AGREEMENT_LEAD_OF_MARGIN)
    shown = ((one, measure) for measure in ("auroc", "precision") for one in kinds)
    return statistic_rows(found, *(one.where(measure=measure, level=level) for one, measure in shown))


def leaders(found: Sequence[Mapping[str, Any]]) -> str:
    """Which method comes first at each question, task by task, with attribution's value beside it."""
    return " ".join(leader(found, quantity, question) for quantity, question in LEADERS)


def leader(found: Sequence[Mapping[str, Any]], quantity: Quantity, question: str, *, beside: str = ATTRIBUTION) -> str:
    """Which method has the largest statistic of a quantity, task by task, and what the method `beside` has."""
    of_tasks: dict[str, dict[str, float]] = {}
    for one in found:
        if key := quantity.read(one["name"]):
            of_task = of_tasks.setdefault(one["task"], {})
            if one["value"] is not None:
                of_task[key.parts["method"]] = one["value"]
    said = []
    for task, values in of_tasks.items():
        if beside not in values:
            said.append(f"{task_name(task)}: undefined")
            continue
        largest = max(values.values())
        first, *as_large = [method for method, value in values.items() if value == largest]
        others = f" and {len(as_large)} more" if as_large else ""
        own = "" if values[beside] == largest else f", {named(beside)} {values[beside]:.2f}"
        said.append(f"{task_name(task)}: {named(first)}{others} {largest:.2f}{own}")
    return f"{question}, first by value: {'; '.join(said)}."
