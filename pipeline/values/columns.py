"""Names that the files of the measuring stages carry, for both sides: the stages that write them, and `analyse`."""

from typing import Final

ATTRIBUTION, RANDOM = "attribution", "random"  # methods: rankings of heads, or scores of edges
MARGIN = "attribution_margin"  # a score of edges: attribution of the log-odds

# Effectiveness: attribution as a ranking, by the label that it is of; which end of a ranking is masked first.
LOWEST_FIRST: Final = "lowest_first"
HIGHEST_FIRST: Final = "highest_first"
BY_PREDICTED, BY_GOLD = "attribution_predicted", "attribution_gold"
BY_SUM = "attribution_predicted_sum"  # a head's edges summed instead of the largest

FACTOR = "factor/"  # prune: before the name of what was changed about attribution, where a method stands otherwise

SAME_TASK = "same_task"  # universality: the ranking of the same task's model of the next seed

MINED = "mined"  # triggers: the kind that is no control

# Convergence: what stands for a rule beside the rules. The last two say how far references can be trusted. Of the grid:
# half of its nodes against all of them. Of the judged examples: what is left of their doubt, and `judge`, their
# reference against the grid's.
AUTO = "auto"  # as in use
REFERENCE = "reference"
JUDGE = "judge"
JUDGED = (("right", 20), ("left", 20))  # the paper's rule and steps, and the rule that its released code computes

PAIRS, EDGES = "pairs", "edges"  # truth: over all heads of a layer together, and of one head
EFFECT: Final = "effect"  # truth: the column of knock-outs' effects; KEPT are those of scores, pair by pair
KEPT = (ATTRIBUTION, MARGIN, "gradient_x_attention", "attention")

GRADIENT_X_INPUT = "gradient_x_input"  # shortcut: a method that is no score of edges
PLAIN, GIVEN, TURNED = "plain", "given", "turned"  # shortcut: without the word, with it in its class, in the others

# Trees: sets of edges that have their own part in the statistics.
TREE, NOTHING, OPTIMUM = "tree", "nothing", "optimum"
