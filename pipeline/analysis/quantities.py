"""Every quantity that `analyse` makes statistics of, and its parts; docs/method.md says what each is.

Rules, tables, figures and the metrics name statistics by these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from pipeline.analysis.keys import NUMBER, TASK, Quantity
from pipeline.analysis.methods import EDGE_SCORES, FACTORS
from pipeline.values.columns import (
    ATTRIBUTION,
    BY_GOLD,
    BY_PREDICTED,
    BY_SUM,
    EDGES,
    FACTOR,
    GIVEN,
    JUDGED,
    KEPT,
    MARGIN,
    MINED,
    OPTIMUM,
    PAIRS,
    PLAIN,
    RANDOM,
    SAME_TASK,
    TREE,
    TURNED,
)
from pipeline.values.schema import Control, Importance, Normalise, RankingPerExample


def _without(names: Iterable[str], own: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != own)


METHOD = {"method": tuple(EDGE_SCORES)}
OTHER = {"against": _without(EDGE_SCORES, ATTRIBUTION)}
OTHER_THAN_MARGIN = {"against": _without(EDGE_SCORES, MARGIN)}


class Finetune:
    """Of the fine-tuned models."""

    ACCURACY = Quantity("finetune", "accuracy/dev")


class Effectiveness:
    """Of heads masked layer by layer."""

    ATTENTION = ("attention_max", "attention_confidence")
    RANKING = {"method": get_args(RankingPerExample)}
    OTHERS = _without(get_args(RankingPerExample), BY_SUM)
    AREA = Quantity("effectiveness", "area/{method}", RANKING)
    LEAD = Quantity("effectiveness", f"lead/{BY_PREDICTED}-{{against}}", {"against": _without(OTHERS, BY_PREDICTED)})
    SUM_LEAD = Quantity("effectiveness", f"lead/{BY_SUM}-{{against}}", {"against": OTHERS})
    GOLD_LEAD = Quantity("effectiveness", f"lead/{BY_GOLD}-{{against}}", {"against": ATTENTION})
    KEPT = Quantity("effectiveness", "kept/{method}", RANKING)
    LOST = Quantity("effectiveness", "lost/{method}", RANKING)
    LOST_BEYOND_RANDOM = Quantity("effectiveness", f"lost/{BY_PREDICTED}-random")


class Prune:
    """Of heads masked over the whole model; `how` is how importance was normalised."""

    HOW = {"how": get_args(Normalise)}
    AUC = Quantity("prune", "auc/{method}/{how}", {"method": get_args(Importance)} | HOW)
    RANDOM_AUC = Quantity("prune", "auc/random/none")
    LEAD = Quantity("prune", "lead/{against}/{how}", {"against": _without(get_args(Importance), ATTRIBUTION)} | HOW)
    RANDOM_LEAD = Quantity("prune", "lead/random/none")
    PAPERS_LEAD = Quantity("prune", "lead/paper")
    BEATEN = Quantity("prune", "beaten/random")
    FACTOR = Quantity("prune", FACTOR + "{factor}", {"factor": tuple(FACTORS)})


class Universality:
    """Of importances compared between models, and of pruning by another model's."""

    SIMILAR = Quantity("universality", "similar-others")
    SIMILAR_BY_RANK = Quantity("universality", "similar-others/spearman")
    AGREEMENT = Quantity("universality", "agreement/{task}-{other}", {"task": TASK, "other": TASK})
    AGREEMENT_WITHIN = Quantity("universality", "agreement/{task}-{other}/within_layers", AGREEMENT.axes)
    CEILING = Quantity("universality", "ceiling/{task}", {"task": TASK})
    CEILING_WITHIN = Quantity("universality", "ceiling/{task}/within_layers", {"task": TASK})
    LOST = Quantity("universality", "lost")
    LOST_BY_TASK = Quantity("universality", "lost/{task}", {"task": TASK})
    LOST_OTHERWISE = Quantity("universality", "lost/{ranking}", {"ranking": (SAME_TASK, RANDOM)})


class Tree:
    """Of attribution trees."""

    # Sets of edges of the tree's size at the run's threshold: first those that may take only what a tree may take.
    BASELINES = {
        MARGIN: "tree of attribution of the log-odds",
        "attention": "attention tree",
        "gradient_x_attention": "gradient × attention tree",
        "value_weighted": "value-weighted attention tree",
        "contribution": "contribution tree",
        "joint": "joint-path attribution tree",
        "eligible_edges": "largest edges that a tree may take",
        "top_edges": "largest edges, [CLS] allowed",
        OPTIMUM: "exact optimum",
    }
    REVIEWED = (0.5, 0.4)  # claim R2: the reviewer's threshold and the paper's
    RECOVERED = Quantity("tree", "recovered/{arm}", {"arm": (TREE, RANDOM)})
    BEYOND_RANDOM = Quantity("tree", "recovered/tree-random")
    BASELINE = Quantity("tree", "recovered/{arm}-tree", {"arm": tuple(BASELINES)})
    OPEN = Quantity("tree", "open/tree")
    OPEN_BASELINE = Quantity("tree", "open/{arm}-tree", {"arm": tuple(BASELINES)})
    LOST = Quantity("tree", "comprehensiveness/tree")
    LOST_BEYOND_RANDOM = Quantity("tree", "comprehensiveness/tree-random")
    EXCESS = Quantity("tree", "excess/{tau}", {"tau": NUMBER})
    EXCESS_REVIEWED = Quantity("tree", "excess/{:g}-{:g}".format(*REVIEWED))
    KNEE = Quantity("tree", "knee")
    AREA = Quantity("tree", "edge_area/{method}", METHOD)
    AREA_LEAD = Quantity("tree", "edge_area/attribution-{against}", OTHER)
    AREA_LEAD_OF_MARGIN = Quantity("tree", f"edge_area/{MARGIN}-{{against}}", OTHER_THAN_MARGIN)


class ReceptiveField:
    """Of how far tree edges reach."""

    DISTANCE = Quantity("receptive_field", "distance")
    GROWTH = Quantity("receptive_field", "growth")
    WITHIN = Quantity("receptive_field", "within")
    WITHIN_GROWTH = Quantity("receptive_field", "within_growth")


class Triggers:
    """Of adversarial triggers; a group is all of a kind, its best, the strongest mined ones, ..."""

    CONTROLS = get_args(Control)
    BEST = {MINED: "best"} | {kind: f"best_{kind}" for kind in CONTROLS}  # the group of a kind's best
    STRONGEST, APART = "strongest", "mined_without_collapsing"
    GROUP = {"group": (MINED, *CONTROLS, *BEST.values(), STRONGEST, APART)}
    FOREIGN_DROP = Quantity("triggers", "foreign_drop/{group}", GROUP)
    BEYOND_CONTROL = Quantity("triggers", "foreign_drop/mined-{against}", {"against": CONTROLS})
    BEST_BEYOND_CONTROL = Quantity("triggers", "foreign_drop/best-best_{against}", {"against": CONTROLS})
    STRONGEST_BEYOND_MINED = Quantity("triggers", "foreign_drop/strongest-mined")
    DROP = Quantity("triggers", "drop/best")
    FLIPPED = Quantity("triggers", "flipped/best")
    SPEARMAN = Quantity("triggers", "spearman")
    COLLAPSING = Quantity("triggers", "collapsing")


class Convergence:
    """Of the judged numbers of steps."""

    RUN = {"rule": tuple(dict(JUDGED)), "steps": tuple({str(steps) for _, steps in JUDGED})}
    WITHIN = Quantity("convergence", "within/{rule}-{steps}", RUN)
    LEAST = Quantity("convergence", "least/{rule}-{steps}", RUN)
    KENDALL = Quantity("convergence", "kendall/{rule}-{steps}", RUN)
    ERROR = Quantity("convergence", "error/{rule}-{steps}", RUN)


class Truth:
    """Of scores held against exact knock-outs; a measure of agreement has a label and a unit."""

    LEVELS = {PAIRS: "query-key pairs", EDGES: "edges of single heads"}
    MEASURES = {
        "auroc": ("AUROC", "share", (0, 1)),
        "average_precision": ("average precision", "share", (0, 1)),
        "precision": ("precision at {k}", "share", (0, 1)),
        "spearman": ("Spearman's ρ", "correlation", (-1, 1)),
    }
    WHAT = {"measure": tuple(MEASURES), "level": tuple(LEVELS)}
    AGREEMENT = Quantity("truth", "{measure}/{level}/{method}", WHAT | METHOD)
    AGREEMENT_LEAD = Quantity("truth", "{measure}/{level}/attribution-{against}", WHAT | OTHER)
    AGREEMENT_LEAD_OF_MARGIN = Quantity(
        "truth", f"{{measure}}/{{level}}/{MARGIN}-{{against}}", WHAT | OTHER_THAN_MARGIN
    )
    LOST = Quantity("truth", "lost/{method}", METHOD)
    LOST_LEAD = Quantity("truth", "lost/attribution-{against}", OTHER)
    LOST_LEAD_OF_MARGIN = Quantity("truth", f"lost/{MARGIN}-{{against}}", OTHER_THAN_MARGIN)
    # AUROC of kept pairs, where another share of them matters.
    SHARES = (0.01, 0.05, 0.5)
    AT_SHARE = Quantity("truth", "auroc/pairs/{method}/{share}", {"method": KEPT, "share": NUMBER})
    AT_SHARE_LEAD = Quantity(
        "truth", "auroc/pairs/attribution-{against}/{share}", {"against": _without(KEPT, ATTRIBUTION), "share": NUMBER}
    )
    AT_SHARE_LEAD_OF_MARGIN = Quantity(
        "truth", f"auroc/pairs/{MARGIN}-{{against}}/{{share}}", {"against": _without(KEPT, MARGIN), "share": NUMBER}
    )
    RANDOMISED = Quantity("truth", "randomised/{method}", METHOD)
    SEEDS = Quantity("truth", "seeds/{method}", {"method": KEPT})
    BEYOND_SEEDS = Quantity("truth", "randomised-seeds/{method}", {"method": KEPT})


class PlantedPaths:
    """Of models whose carrying edges are known."""

    MEASURES = {"auroc": "AUROC", "precision": "precision"}
    OUTPUTS = {"probability": "probability", "margin": "log-odds"}
    WHAT = {"measure": tuple(MEASURES)}
    AGREEMENT = Quantity("planted_paths", "{measure}/{method}", WHAT | METHOD)
    AGREEMENT_LEAD = Quantity("planted_paths", "{measure}/attribution-{against}", WHAT | OTHER)
    SINGLE = Quantity("planted_paths", "single/{output}", {"output": tuple(OUTPUTS)})


class Shortcut:
    """Of a planted shortcut, on rows of several kinds."""

    KINDS = {
        PLAIN: "rows without the word",
        GIVEN: "rows with the word in its class",
        TURNED: "rows with it in the others",
    }
    FIRST = Quantity("shortcut", "first/{method}", METHOD)
    FIRST_LEAD = Quantity("shortcut", "first/attribution-{against}", OTHER)
    BEYOND_CHANCE = Quantity("shortcut", "first/attribution-chance")
    BROUGHT = Quantity("shortcut", "brought")
    ACCURACY = Quantity("shortcut", "accuracy/{kind}", {"kind": tuple(KINDS)})
    RELIED = Quantity("shortcut", "relied")
    RATE = 0.2  # of the heads that are masked where pruning is judged: one for all models, set beforehand
    REGAINED = Quantity("shortcut", "regained/{method}", METHOD)
    REGAINED_LEAD = Quantity("shortcut", "regained/attribution-{against}", OTHER)
    SPARED = Quantity("shortcut", "spared/{method}", METHOD)


QUANTITIES: dict[str, tuple[Quantity, ...]] = {}  # of every experiment that has a class here
for _experiment in (
    Finetune,
    Effectiveness,
    Prune,
    Universality,
    Tree,
    ReceptiveField,
    Triggers,
    Convergence,
    Truth,
    PlantedPaths,
    Shortcut,
):
    _own = tuple(one for one in vars(_experiment).values() if isinstance(one, Quantity))
    QUANTITIES[_own[0].experiment] = _own
