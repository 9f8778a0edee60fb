"""The questions that scores are compared by, and the statistics that answer them (docs/method.md, "Which score")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from pipeline.analysis.methods import named
from pipeline.analysis.quantities import Effectiveness, PlantedPaths, Prune, Shortcut, Tree, Truth
from pipeline.values.columns import ATTRIBUTION, BY_GOLD, BY_PREDICTED, BY_SUM, MARGIN, PAIRS, RANDOM, TREE
from pipeline.values.edge_methods import EDGE_METHODS
from pipeline.values.schema import Importance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.keys import Key, Quantity

SUMMED, CHANCE, KNOCK_OUT = "sum", "chance", "knock_out"
NEVER_TAKEN = (RANDOM, CHANCE, KNOCK_OUT)  # they say what knows nothing comes to, or what is true
RELIED = Shortcut.RELIED.key()

# CPU time of a fine-tuned SST-2 model of six layers, in forward passes of it (docs/method.md, "Costs"); attention is
# what one forward pass gives.
COSTS = {"attention": 1.0, "attention_max": 1.0, "attention_confidence": 1.0, "gradient_x_attention": 1.8}
COSTS |= {"joint": 20.0, MARGIN: 24.0} | dict.fromkeys((ATTRIBUTION, BY_PREDICTED, BY_SUM, SUMMED), 25.0)
# How the library is asked for a score; every other one is a method of a stage alone.
CALLS = {
    ATTRIBUTION: "attribute(...)",
    MARGIN: 'attribute(..., output="margin")',
    "joint": 'attribute(..., path="joint")',
    "gradient_x_attention": "gradient_x_attention(...)",
}
CALLS_OF_HEADS = {
    **dict.fromkeys((ATTRIBUTION, BY_PREDICTED), 'attribute(...).head_scores("max")'),
    **dict.fromkeys((SUMMED, BY_SUM), "attribute(...).head_scores()"),
}


@dataclass(frozen=True)
class Question:
    """One measure by which scores are compared; on all of them more is better.

    `own` are the statistics of each score, `differences` those of one score minus another one. Every table holds the
    difference to the `reference`, the paper's score.
    """

    asks: str
    measure: str
    section: str
    experiment: str
    own: Mapping[str, Key]
    differences: Mapping[tuple[str, str], Key]
    scores: Sequence[str]
    reference: str = ATTRIBUTION
    calls: Mapping[str, str] = field(default_factory=lambda: CALLS)
    only_where: Key | None = None  # a statistic that has to be above 0

    def label(self, score: str) -> str:
        """What readers call the score here."""
        names = {RANDOM: "random", CHANCE: "chance", SUMMED: "attribution by the sum"}
        names |= {BY_PREDICTED: "attribution by the largest edge", BY_SUM: names[SUMMED]}
        names |= {"attention_max": "attention by maximum", "attention_confidence": "attention by confidence"}
        return names[score] if score in names else named(score)


def _own(quantity: Quantity, scores: Sequence[str], part: str = "method") -> dict[str, Key]:
    return {score: quantity.key(**{part: score}) for score in scores if quantity.has(**{part: score})}


def _beyond(first: str, quantity: Quantity, scores: Sequence[str]) -> dict[tuple[str, str], Key]:
    return {(first, other): key for other, key in _own(quantity, scores, "against").items()}


EDGES = (*EDGE_METHODS, RANDOM)
AUROC, PATHS = {"measure": "auroc", "level": PAIRS}, (*EDGE_METHODS, KNOCK_OUT, RANDOM)
WORDS = (*EDGE_METHODS, "gradient_x_input", RANDOM)
# By the gold label a ranking knows the right answer, which nobody has who asks.
HEADS = (BY_PREDICTED, BY_SUM, *(one for one in Effectiveness.OTHERS if one not in (BY_PREDICTED, BY_GOLD)))
ORDERS = get_args(Importance)


def _of_edges(asks: str, measure: str, section: str, experiment: str, quantities: Sequence[Quantity]) -> Question:
    """`quantities` are a score's own, attribution's lead, and that of attribution of the log-odds."""
    own, lead, lead_of_margin = quantities
    differences = _beyond(ATTRIBUTION, lead, EDGES) | _beyond(MARGIN, lead_of_margin, EDGES)
    return Question(asks, measure, section, experiment, _own(own, EDGES), differences, EDGES)


def _planted(measure: str, asks: str) -> Question:
    own, lead = (one.where(measure=measure) for one in (PlantedPaths.AGREEMENT, PlantedPaths.AGREEMENT_LEAD))
    text = f"{PlantedPaths.MEASURES[measure]} of the edges that carry the label"
    return Question(
        asks, text, "Planted paths", "planted_paths", _own(own, PATHS), _beyond(ATTRIBUTION, lead, PATHS), PATHS
    )


QUESTIONS = (
    _of_edges(
        "What would change if this one pair of tokens were cut?",
        "AUROC of the pairs that matter, against knock-outs",
        "Knock-outs",
        "truth",
        [one.where(**AUROC) for one in (Truth.AGREEMENT, Truth.AGREEMENT_LEAD, Truth.AGREEMENT_LEAD_OF_MARGIN)],
    ),
    _of_edges(
        "Which pairs carry the prediction together: what is lost without them?",
        "log-odds lost without groups of pairs",
        "Knock-outs",
        "truth",
        [Truth.LOST, Truth.LOST_LEAD, Truth.LOST_LEAD_OF_MARGIN],
    ),
    _of_edges(
        "Which pairs carry it alone: what is left with the largest few?",
        "area over the shares of edges that are kept",
        "Attribution trees",
        "tree",
        [Tree.AREA, Tree.AREA_LEAD, Tree.AREA_LEAD_OF_MARGIN],
    ),
    Question(
        "Of which scores should a tree be grown?",
        "recovered share of the tree",
        "Attribution trees",
        "tree",
        {ATTRIBUTION: Tree.RECOVERED.key(arm=TREE), RANDOM: Tree.RECOVERED.key(arm=RANDOM)},
        {(score, ATTRIBUTION): key for score, key in _own(Tree.BASELINE, EDGES, "arm").items()}
        | {(ATTRIBUTION, RANDOM): Tree.BEYOND_RANDOM.key()},
        EDGES,
    ),
    _planted("auroc", "Which edges lie on the path that the label takes?"),
    _planted("precision", "The same, of as many edges as there are on it?"),
    Question(
        "Which heads matter for one text?",
        "area of effectiveness, in points",
        "Effectiveness",
        "effectiveness",
        _own(Effectiveness.AREA, HEADS),
        _beyond(BY_PREDICTED, Effectiveness.LEAD, HEADS) | _beyond(BY_SUM, Effectiveness.SUM_LEAD, HEADS),
        HEADS,
        reference=BY_PREDICTED,
        calls=CALLS_OF_HEADS,
    ),
    Question(
        "Which heads can a model do without?",
        "AUC of pruning, importance as computed, in points",
        "Head pruning",
        "prune",
        _own(Prune.AUC.where(how="none"), ORDERS) | {RANDOM: Prune.RANDOM_AUC.key()},
        _beyond(ATTRIBUTION, Prune.LEAD.where(how="none"), ORDERS)
        | {(ATTRIBUTION, RANDOM): Prune.RANDOM_LEAD.key(), (SUMMED, ATTRIBUTION): Prune.FACTOR.key(factor=SUMMED)},
        (ATTRIBUTION, SUMMED, *ORDERS[1:], RANDOM),
        calls=CALLS_OF_HEADS,
    ),
    Question(
        "Which word did the model rely on?",
        "texts in which the planted word comes first, in %",
        "Shortcut",
        "shortcut",
        _own(Shortcut.FIRST, WORDS),
        _beyond(ATTRIBUTION, Shortcut.FIRST_LEAD, WORDS) | {(ATTRIBUTION, CHANCE): Shortcut.BEYOND_CHANCE.key()},
        (*WORDS, CHANCE),
        only_where=RELIED,
    ),
)
