"""Which measure of head importance prunes best?"""

from pipeline.reporting.blocks import Picture, ReportContext, Section, Table, Text
from pipeline.reporting.prune.tables import pruning_rows
from pipeline.reporting.statistics import in_words

QUESTION = (
    "All heads of the model are ranked together by one importance each, computed on {size} {source}; then they are "
    "masked from the least important on, and accuracy is measured on the dev split."
)
SOURCES = {
    "heldout": "training examples that are neither trained on nor evaluated",
    "authors": "dev examples, as in the authors' code, so that a ranking has seen part of what it is judged by",
}
ALT = (
    "Line charts, one per task and normalisation, of dev accuracy against the share of heads pruned, for each "
    "measure of importance. Areas under the curves in points, importance as computed: {aucs}."
)
CAPTION = (
    "Accuracy on the dev split against the share of heads pruned, least important first. Grey: the middle 90 % and "
    "the mean of the random orders. The bar is the widest interval of one accuracy; differences between curves are "
    "paired and more certain than that."
)
READING = (
    "How to read it: the longer a curve stays high, the better its ranking. AUC is the area under the curve, that "
    "is the mean accuracy over all rates; nAUC is 1 where pruning costs nothing and 0 at the level of the majority "
    "class, and is left out where the whole model is not three standard errors above that level; r* is the largest "
    "rate at which accuracy is at most one point below that of the whole model."
)
LEAD = (
    "Attribution's lead is its AUC minus the row's, at the same normalisation: where it is positive, attribution "
    "prunes better, and the verdict is about attribution. The bracket of the random row is the middle 90 % of its "
    "orders."
)
PAPER = (
    "The paper reports that pruning by attribution is at least as good as by Taylor expansion and better than by "
    "accuracy difference."
)
READINGS_OF_TAYLOR = (
    "Taylor expansion has three readings: the formula as printed, the absolute value per token of Michel et al. "
    "(2019), and the authors' code, which differentiates the sum of all logits instead of the loss and divides each "
    "layer's importance by its L2 norm, while it leaves attribution undivided. Every measure is therefore ranked "
    "both as computed and divided."
)


def section(context: ReportContext) -> Section:
    """The figure, the table of all measures, what the paper found, and why Taylor expansion has several rows."""
    rows = pruning_rows(context.records["prune"])
    as_computed = [row for row in rows if row["normalise"] != "layer_l2"]
    sizes = sorted({record["n_importance"] for record in context.records["prune"]})
    size, source = " or ".join(f"{size:,}" for size in sizes), SOURCES[context.parameters["prepare"]["protocol"]]
    return Section(
        "pruning",
        "Head pruning",
        [
            Text(QUESTION.format(size=size, source=source)),
            Picture("pruning", ALT.format(aucs=in_words(as_computed, "auc")), CAPTION),
            Text(READING),
            Text(LEAD),
            Table("Measures of head importance, compared by pruning.", rows),
            Text(PAPER),
            Text(READINGS_OF_TAYLOR),
        ],
    )
