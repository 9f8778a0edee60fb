"""What attribution trees look like, and how much of the prediction their edges carry."""

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.style import task_name
from pipeline.reporting.tree.tables import optimum_rows, tree_rows

QUESTION = (
    "An attribution tree keeps, from the last layer but one down, the edges whose attribution exceeds τ times the "
    "largest of their layer and that attach a new token. How much of the prediction do these edges carry?"
)
MEASURES = (
    "Edges are removed by multiplying the attention of all heads by a mask. Sufficiency is what the predicted class's "
    "probability loses when only the tree's edges are left (small is good), comprehensiveness what it loses without "
    "them (large is good), faithfulness the second minus the first. Self-edges always stay. All other sets of edges "
    "have as many edges in every layer as the tree, or fewer where none was left to attach. On {n} dev examples each."
)
CURVE_ALT = (
    "Sufficiency and comprehensiveness against the threshold, one panel per task. At the run's threshold: {values}."
)
CURVE_CAPTION = (
    "What the probability of the predicted class loses, in its unit, against the threshold τ; bands: 95 % intervals."
)
TREES_ALT = "Attribution trees of {count} {task} examples, tokens along the axis, height by layer."
TREES_CAPTION = (
    "{task}: the root is orange, a node stands at the layer in which it is attached, arrows lead to the token that is "
    "read and are as wide as their attribution. Grey lines: [CLS] reads the tree in the last layer."
)
HEAT_ALT = "Heat maps of the attention and of the attribution of one head between the tokens of one {task} example."
HEAT_CAPTION = "{task}: attention of one head beside its attribution, as in the paper's first figure."
TABLE = (
    "What edges carry, in points of the predicted class's probability. Open rows: those of special tokens are left as "
    "they are in both arms. The lead is the tree's faithfulness minus the row's."
)
OPTIMUM = (
    "Mean edges of a tree; examples whose tree has no edge; the tree's faithfulness in standard deviations of random "
    "trees (median and middle half of the examples); the heuristic's share of the optimal objective, the share of "
    "examples in which it reaches it, and for how many the optimum was proven."
)


def section(context: ReportContext) -> Section:
    """Heat maps and trees of some examples, the curve over thresholds, and the comparison with baselines."""
    examples = sorted({record["n"] for record in context.records["tree"]})
    blocks: list[Block] = [Text(QUESTION)]
    for task in context.splits:
        name = task_name(task)
        if f"heatmap_{task}" in context.figures:
            blocks.append(Picture(f"heatmap_{task}", HEAT_ALT.format(task=name), HEAT_CAPTION.format(task=name)))
        if f"trees_{task}" in context.figures:
            count = context.parameters["tree"]["n_shown"]
            alt = TREES_ALT.format(count=count, task=name)
            blocks.append(Picture(f"trees_{task}", alt, TREES_CAPTION.format(task=name)))
    values = "; ".join(
        f"{task_name(record['task'])}, seed {record['seed']}: sufficiency {record['sufficiency']['value']:.2f}, "
        f"comprehensiveness {record['comprehensiveness']['value']:.2f}"
        for record in context.records["tree"]
    )
    blocks += [
        Text(MEASURES.format(n=" or ".join(map(str, examples)))),
        Picture("faithfulness", CURVE_ALT.format(values=values), CURVE_CAPTION),
        Table(TABLE, tree_rows(context.records["tree"])),
        Table(OPTIMUM, optimum_rows(context.records["tree"])),
    ]
    return Section("trees", "Attribution trees", blocks)
