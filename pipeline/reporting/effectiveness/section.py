"""Does attribution find the heads that matter for an example?"""

from pipeline.analysis.quantities import Effectiveness
from pipeline.reporting.blocks import Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.truth.section import leader
from pipeline.values.columns import BY_GOLD, BY_PREDICTED

HEADS_OF_BERT_BASE = 12

QUESTION = (
    "For every dev example the heads of each layer are ranked; then the k lowest or the k highest heads of every layer "
    "are masked. Attribution ranks a head by its largest score, or by the sum of its scores. Its rivals rank the same "
    "heads of the same example: attention by its maximum or its confidence, gradient × attention, Taylor, and the loss "
    "that is added when this head alone is removed. They see the predicted label alone, as attribution does but for "
    "the rows that say otherwise. Random orders, new for every example and layer, know nothing."
)
CURVES_ALT = (
    "Line charts, one per task, of dev accuracy against heads masked in every layer, lowest-ranked or "
    "highest-ranked first, for attribution, attention, gradient × attention and random orders. Areas between the two "
    "curves in points: {areas}."
)
CURVES_CAPTION = (
    "Where a ranking knows which heads matter, its solid line stays high and its dashed line falls. Accuracy on dev "
    "examples against the number of heads masked in every layer: solid lines lose the lowest-ranked heads first, "
    "dashed lines the highest-ranked. With one seed, bands are 95 % intervals; with several, lines are their mean."
)
AREAS_ALT = "Dots with intervals, one chart per task: the areas of every ranking, the numbers of the first table."
AREAS_CAPTION = (
    "The further to the right, the more a ranking knows; 0 is nothing. The area is that between the solid and the "
    "dashed line, the mean over k of their difference, with its 95 % interval. Small strokes are the seeds, if several."
)
FIRST = "Largest area among the rankings that do not see the gold label, in points"
READING = (
    "A ranking that knows nothing has an area of 0, as random orders should have but for chance. A difference of two "
    "areas is 0 where both know equally much."
)
TWO = (
    "The two highest-ranked heads alone suffice where the first difference is 0. The share lost without them is 0 "
    "where they do not matter, and 1 where nothing above the majority class is left. The rows of random orders say "
    "what any two heads do."
)
PAPER = (
    "The paper reports that masking the two highest-ranked heads of every layer makes accuracy collapse, that "
    "keeping only those two gives nearly 97 % accuracy, and that attention separates the heads less well."
)
FEWER_HEADS = (
    "The models here have {heads} heads per layer where BERT-base has 12: two heads are a larger share of them, and "
    "the comparison with those numbers is loose."
)
LEAK = (
    "Ranking an example's heads by the attribution of its gold label, as the paper does, leaks that label: the "
    "masks favour the right answer, and accuracy can exceed that of the whole model. Ranking by the predicted label "
    "does not leak it; claims are judged by that one."
)


def section(context: ReportContext) -> Section:
    """The figures, the areas, what the paper found, and what the gold label does to it."""
    found = context.statistics["effectiveness"]
    fair = [one for one in found if one["name"] != Effectiveness.AREA.key(method=BY_GOLD).text]
    heads = sorted({record["n_heads"] for record in context.records["effectiveness"]})
    paper = [PAPER]
    if heads[0] < HEADS_OF_BERT_BASE:
        paper.append(FEWER_HEADS.format(heads=" and ".join(map(str, heads))))
    return Section(
        "effectiveness",
        "Effectiveness of attribution",
        [
            Text(QUESTION),
            Picture(
                "effectiveness",
                CURVES_ALT.format(areas=in_words(found, Effectiveness.AREA)),
                CURVES_CAPTION,
                stage="effectiveness",
            ),
            Picture("effectiveness_areas", AREAS_ALT, AREAS_CAPTION, stage="effectiveness"),
            Text(leader(fair, Effectiveness.AREA, FIRST, beside=BY_PREDICTED)),
            Text(READING),
            Table("Areas between the curves.", statistic_rows(found, Effectiveness.AREA)),
            Table(
                "Areas of attribution, a head's largest score, minus those of other rankings.",
                statistic_rows(found, Effectiveness.LEAD, Effectiveness.GOLD_LEAD),
            ),
            Table(
                "Areas of attribution, a head's scores summed, minus those of other rankings.",
                statistic_rows(found, Effectiveness.SUM_LEAD),
            ),
            Text(TWO),
            Table(
                "The two highest-ranked heads of every layer alone, and all others without them.",
                statistic_rows(found, Effectiveness.KEPT, Effectiveness.LOST),
            ),
            Text(" ".join(paper)),
            Text(LEAK),
        ],
    )
