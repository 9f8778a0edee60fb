"""Does attribution find the heads that matter for an example?"""

from pipeline.reporting.blocks import Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows

HEADS_OF_BERT_BASE = 12

QUESTION = (
    "For every dev example the heads of each layer are ranked by their largest attribution, or by their attention, "
    "pooled by `{pooling}`; then the k lowest or the k highest heads of every layer are masked."
)
ALT = (
    "Line charts, one per task, of dev accuracy against heads masked in every layer, lowest-ranked or "
    "highest-ranked first, for each ranking method. Areas between the two curves in points: {areas}."
)
CAPTION = (
    "Accuracy on the dev split against the number of heads masked in every layer. With one seed, bands are 95 % "
    "intervals; with several, thick lines are their mean and thin lines the seeds."
)
READING = (
    "How to read it: solid lines lose the lowest-ranked heads first and should stay high, dashed lines lose the "
    "highest-ranked first and should fall. The area is the gap between the two, averaged over k; a ranking that "
    "knows nothing has an area near zero."
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
    "does not leak it; that is the row to compare with attention."
)


def section(context: ReportContext) -> Section:
    """The figure, its areas, what the paper found, and what the gold label does to it."""
    found = context.statistics["effectiveness"]
    heads = sorted({record["n_heads"] for record in context.records["effectiveness"]})
    paper = [PAPER]
    if heads[0] < HEADS_OF_BERT_BASE:
        paper.append(FEWER_HEADS.format(heads=" and ".join(map(str, heads))))
    return Section(
        "effectiveness",
        "Effectiveness of attribution",
        [
            Text(QUESTION.format(pooling=context.parameters["effectiveness"]["attention_pooling"])),
            Picture("effectiveness", ALT.format(areas=in_words(found, "area/*")), CAPTION),
            Text(READING),
            Table("Areas between the curves.", statistic_rows(found, "area/*")),
            Table("Areas beside those of other rankings.", statistic_rows(found, "lead/*")),
            Table(
                "The two highest-ranked heads of every layer alone, and all others without them.",
                statistic_rows(found, "kept/*", "lost/*"),
            ),
            Text(" ".join(paper)),
            Text(LEAK),
        ],
    )
