"""Which measure of head importance prunes best?"""

from pipeline.analysis.quantities import Prune
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.prune.tables import model_rows
from pipeline.reporting.statistics import in_words, statistic_rows

LEADS = (Prune.LEAD, Prune.RANDOM_LEAD, Prune.PAPERS_LEAD, Prune.BEATEN)
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
    "The longer a line stays high, the better its ranking; one within the grey knows no more than chance. Accuracy on "
    "the dev split against the share of heads pruned, least important first, the mean over seeds. Grey: "
    "the middle 90 % and the mean of the random orders. The upright bar is the widest interval of one accuracy; "
    "differences between curves are paired and more certain than that."
)
READING = (
    "How to read it: the longer a curve stays high, the better its ranking. AUC is the area under the curve, that "
    "is the mean accuracy over all rates, in points. Equally important heads leave in an order drawn anew for every "
    "seed."
)
LEAD = (
    "A lead is attribution's AUC minus that of the other measure, over the same examples: above zero attribution "
    "prunes better, and it is zero on average if neither ranking knows more than the other. Of the random orders it is "
    "the mean over all of them; the share of them that do at least as well would be a half on average if attribution "
    "knew nothing."
)
FACTOR = (
    "What decides how well attribution prunes? Each row changes one thing about it, and gives the AUC with the change "
    "minus that without: above zero the change prunes better. Scored anew means that after every rate the heads that "
    "are left are attributed in the model without those that are gone."
)
MODELS = (
    "nAUC is 1 where pruning costs nothing and 0 at the level of the majority class, and is left out where the whole "
    "model is not three standard errors above that level; r* is the largest rate at which accuracy is at most one "
    "point below that of the whole model."
)
PAPER = (
    "The paper reports that pruning by attribution is at least as good as by Taylor expansion and better than by "
    "accuracy difference."
)
READINGS_OF_TAYLOR = (
    "Taylor expansion has three readings: the formula as printed, the absolute value per token of Michel et al. "
    "(2019), and the authors' code, which differentiates the sum of all logits instead of the loss and divides each "
    "layer's importance by its L2 norm, while it leaves attribution undivided: that is the pair which the paper "
    "compared. Every measure is ranked both as computed and divided, and has its lead at both."
)


def section(context: ReportContext) -> Section:
    """The figure, areas and leads, what the paper found and compared, and what decides how attribution prunes."""
    found, records = context.statistics["prune"], context.records["prune"]
    sizes = sorted({record["n_importance"] for record in records})
    size, source = " or ".join(f"{size:,}" for size in sizes), SOURCES[context.parameters["prepare"]["protocol"]]
    factors = statistic_rows(found, Prune.FACTOR)
    changed: list[Block] = [Text(FACTOR), Table("Attribution with one thing changed.", factors)] if factors else []
    return Section(
        "pruning",
        "Head pruning",
        [
            Text(QUESTION.format(size=size, source=source)),
            Picture(
                "pruning",
                ALT.format(aucs=in_words(found, Prune.AUC.where(how="none"), Prune.RANDOM_AUC)),
                CAPTION,
                stage="prune",
            ),
            Text(READING),
            Table("Areas under the curves.", statistic_rows(found, Prune.AUC, Prune.RANDOM_AUC)),
            Text(LEAD),
            Table("Attribution beside other measures.", statistic_rows(found, *LEADS)),
            Text(PAPER),
            Text(READINGS_OF_TAYLOR),
            *changed,
            Text(MODELS),
            Table("Every ranking of every model.", model_rows(records)),
        ],
    )
