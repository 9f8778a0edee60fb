"""How far does information flow in each layer, and does it cross from one sentence to the other?"""

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.receptive_field.tables import receptive_field_rows
from pipeline.reporting.style import task_name

QUESTION = (
    "Every edge of an attribution tree belongs to a layer. How far apart are its ends, and do they lie in the same "
    "sentence? Edges by which [CLS] reads the tree in the last layer are not counted."
)
DISTANCE_ALT = (
    "Box plots of the distance between the ends of tree edges by layer, two panels per task, without and with special "
    "tokens. Slope of the mean distance in tokens per layer, special tokens left out: {values}."
)
DISTANCE_CAPTION = (
    "Distance between the ends of tree edges in tokens, by layer. A layer without a box has no edges; seeds stand side "
    "by side."
)
SHARE_ALT = (
    "Line charts, one per task with pairs of sentences, of the share of tree edges within one sentence by layer. Over "
    "all layers, special tokens included: {values}."
)
SHARE_CAPTION = "Share of tree edges whose ends lie in the same sentence, by layer, with 95 % intervals."
READING = (
    "How to read it: a tree grows from the last layer but one down and takes every token once, so that edges of lower "
    "layers lead to the tokens that the layers above left over. The slopes are of the mean distance, and of the share "
    "within a sentence, over layers weighted by their number of edges; intervals are a bootstrap over examples."
)
TABLE = "Distance of tree edges and share of them within a sentence, over all layers and per layer."
PAPER = (
    "The paper reports that the distance stays much the same across layers for MNLI, and that it grows with the layer "
    "for SST-2."
)


def section(context: ReportContext) -> Section:
    """The box plots, the share within a sentence where there are two, and the slopes."""
    records = context.records["receptive_field"]
    slopes, shares = [], []
    for record in records:
        model = f"{task_name(record['task'])}, seed {record['seed']}"
        slope, share = record["slope"], record["with_special"]["within"]
        slopes.append(f"{model}: {slope['value']:z.2f}" if slope else f"{model}: undefined")
        if share:
            shares.append(f"{model}: {100 * share['value']:.1f} %")
    blocks: list[Block] = [
        Text(QUESTION),
        Picture("receptive_field", DISTANCE_ALT.format(values="; ".join(slopes)), DISTANCE_CAPTION),
    ]
    if shares:
        blocks.append(Picture("receptive_field_share", SHARE_ALT.format(values="; ".join(shares)), SHARE_CAPTION))
    blocks += [Text(READING), Table(TABLE, receptive_field_rows(records)), Text(PAPER)]
    return Section("receptive_field", "Receptive field", blocks)
