"""How far does information flow in each layer, and does it cross from one sentence to the other?"""

from pipeline.analysis.quantities import ReceptiveField
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.receptive_field.tables import edge_rows
from pipeline.reporting.statistics import in_words, statistic_rows

QUESTION = (
    "Every edge of an attribution tree belongs to a layer. How far apart are its ends, and do they lie in the same "
    "sentence? Edges by which [CLS] reads the tree in the last layer are not counted."
)
DISTANCE_ALT = (
    "Box plots of the distance between the ends of tree edges by layer, two panels per task, without and with special "
    "tokens. Special tokens left out: {values}."
)
DISTANCE_CAPTION = (
    "Boxes at one height mean that the field is stable, rising ones that it grows. Distance between the ends of tree "
    "edges in tokens, by layer. A layer without a box has no edges; seeds stand side "
    "by side."
)
SHARE_ALT = (
    "Line charts, one per task with pairs of sentences, of the share of tree edges within one sentence by layer. Over "
    "all layers, special tokens left out: {values}."
)
SHARE_CAPTION = (
    "Where a line falls, edges cross from one sentence to the other. Share of tree edges whose ends lie in the same "
    "sentence, by layer, a line per seed."
)
READING = (
    "How to read it: a tree grows from the last layer but one down and takes every token once, so that edges of lower "
    "layers lead to the tokens that the layers above left over. Growth is what the mean distance, or the share within "
    "a sentence, gains from the first layer to the last that can hold edges, along the straight line that fits the "
    "edges best: 0 for a field that is the same in all layers. Each model gives one number, so that only several "
    "models have an interval. Edges that touch a special token are left out."
)
TABLE = "Distance of tree edges and share of them within a sentence, and what they gain from first to last layer."
EDGES = "Layers that can hold edges, and edges counted: without, and with those that touch a special token."
PAPER = (
    "The paper reports that the distance stays much the same across layers for MNLI, and that it grows with the layer "
    "for SST-2."
)


def section(context: ReportContext) -> Section:
    """The box plots, the share within a sentence where there are two, and the growth."""
    found = context.statistics["receptive_field"]
    blocks: list[Block] = [
        Text(QUESTION),
        Picture(
            "receptive_field",
            DISTANCE_ALT.format(values=in_words(found, ReceptiveField.DISTANCE, ReceptiveField.GROWTH)),
            DISTANCE_CAPTION,
            stage="tree",
        ),
    ]
    if "receptive_field_share" in context.figures:
        blocks.append(
            Picture(
                "receptive_field_share",
                SHARE_ALT.format(values=in_words(found, ReceptiveField.WITHIN)),
                SHARE_CAPTION,
                stage="tree",
            )
        )
    blocks += [
        Text(READING),
        Table(TABLE, statistic_rows(found)),
        Table(EDGES, edge_rows(context.records["receptive_field"])),
        Text(PAPER),
    ]
    return Section("receptive_field", "Receptive field", blocks)
