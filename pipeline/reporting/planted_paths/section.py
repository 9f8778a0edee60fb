"""Which scores find edges that are known by construction?"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.quantities import PlantedPaths
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.truth.section import leader

AUROC = PlantedPaths.AGREEMENT.where(measure="auroc")
QUESTION = (
    "Here no knock-out says what is true: the model can read along a few edges only. In the first layer the second of "
    "two deciding words may read the first, in the second layer [CLS] may read the second, so the label has no other "
    "way; each of these readers may also read a word that has no say. Softmax shares attention out between the two, "
    "and AUROC asks whether a score tells them apart, over all heads together."
)
REDUNDANT = (
    "With two paths there are two pairs of words that both say the label, and either suffices. Then a knock-out of one "
    "edge loses less than the edge carries, as the other path stands in: the table says how much of what the last "
    "layer's edges lose together they lose one at a time. Attribution shares out the whole (completeness)."
)
ALT = "Dots with intervals, one chart per design: AUROC by method. {values}."
CAPTION = (
    "At 1 a score tells every edge that carries the label from the others, at 0.5 none. AUROC with 95 % intervals. "
    "With several seeds, small strokes are the seeds."
)
EXAMPLE_ALT = (
    "Small diagrams of one example of each design: the true path, and edges as wide as their scores by knock-out, "
    "attribution, gradient × attention and attention."
)
EXAMPLE_CAPTION = (
    "A good score draws the blue edges wide and the orange ones thin. One example of each design, first seed. Words "
    "stand from left to right, layers from the bottom up; an edge leads from what is read to what reads it, as wide as "
    "its absolute score, dotted where the score is negative. Blue edges carry the label, lighter orange ones nothing."
)


def section(context: ReportContext) -> Section:
    """Who comes first, how the models did, and what redundancy does to knock-outs."""
    found, records = context.statistics["planted_paths"], context.records["planted_paths"]
    blocks: list[Block] = [
        Text(f"{leader(found, AUROC, 'Known edges, AUROC')} {_right(records)}"),
        Text(QUESTION),
        Picture("planted_paths", ALT.format(values=in_words(found, AUROC)), CAPTION, stage="planted_paths"),
        Picture("planted_example", EXAMPLE_ALT, EXAMPLE_CAPTION, stage="planted_paths"),
        Table(
            "The edges that carry the label, told from the others.",
            statistic_rows(found, PlantedPaths.AGREEMENT, PlantedPaths.AGREEMENT_LEAD),
        ),
        Text(REDUNDANT),
        Table(
            "What knock-outs one at a time lose, of what all together lose.", statistic_rows(found, PlantedPaths.SINGLE)
        ),
    ]
    return Section("planted_paths", "Planted paths", blocks)


def _right(records: Sequence[Mapping[str, Any]]) -> str:
    """How many texts the models label right: a model that does not use the path proves nothing."""
    parts = [f"{one['task']}, seed {one['seed']}: {one['correct']} of {one['n']}" for one in records]
    return f"Labelled right are {'; '.join(parts)}."
