"""What attribution trees look like, and how much of the prediction their edges carry."""

from pipeline.analysis.quantities import Tree
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Tabs, Text
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.style import task_name
from pipeline.reporting.tree.tables import shape_rows

QUESTION = (
    "An attribution tree keeps, from the last layer but one down, the edges whose attribution exceeds τ times the "
    "largest of their layer and that attach a new token. How much of the prediction do these edges carry?"
)
MEASURES = (
    "Edges are removed by multiplying the attention of all heads by a mask; what a token reads of itself always stays. "
    "Without any edge the predicted class's probability falls from that of the whole model. The recovered share is the "
    "part of this fall that a set of edges alone brings back: 1 is as good as all edges, 0 no better than none. On {n} "
    "dev examples each."
)
SHAPES = (
    "Mean edges of a tree; examples whose tree has none; the predicted class's mean probability with all edges, with "
    "the tree's only, and without any; the heuristic's share of the optimal objective, the share of examples in which "
    "it reaches it, and for how many the optimum was proven."
)
RANDOM = (
    "A larger tree can recover more whatever its edges are. So each threshold's trees are compared with random trees "
    "that have as many edges in every layer; the excess over these is 0 at any threshold where attribution knows "
    "nothing."
)
CURVE_ALT = (
    "Line charts, one per task, of the recovered share of attribution trees, of random trees of their size, and of the "
    "excess, against the threshold. At the run's threshold: {values}."
)
CURVE_CAPTION = (
    "Trees tell something where their line lies above that of random trees, and the excess above 0. Below 0 a set "
    "leaves less of the prediction than no edge at all. Recovered share against the threshold τ. Thick lines are means "
    "over seeds, thin lines the seeds; the band is the 95 % interval of the excess."
)
CURVE_TABLE = "Excess of the tree's recovered share over that of random trees of its size, and where it is largest."
SETS = (
    "Recovered share of the tree and of random trees, and of other sets minus the tree's: above 0 a set recovers more. "
    "All have as many edges in every layer as the tree, save the optimum; all but the largest edges with [CLS] allowed "
    "hold only edges that a tree may take."
)
LOST = "Share of the fall that comes when the tree's edges go and all others stay."
OPEN = "Recovered shares where the rows of special tokens are left open, also where no edge is kept."
EDGES_ALT = (
    "Line charts, one per task, of the recovered share of the largest edges by attribution and by other maps, against "
    "the share of edges that are kept. Areas: {values}."
)
EDGES_CAPTION = (
    "The higher a line at few edges, the better its score finds those that carry the prediction. Recovered share of "
    "the largest edges of every layer, against how many are kept of those that a tree may take. This asks no threshold "
    "and no tree. All lines meet where all such edges are kept; random order is what a map that knows nothing gives. "
    "Lines are means over seeds."
)
EDGES_TABLE = "Area under these lines over the logarithm of the share of edges: the mean recovered share."
TREES_ALT = "Attribution trees of {count} {task} examples, tokens along the axis, height by layer."
TREES_CAPTION = (
    "{task}: the edges to look at are the widest. The root is a diamond, a node stands at the layer in which it is "
    "attached, arrows lead to the token that is read and are as wide as their attribution. Grey lines: [CLS] reads the "
    "tree in the last layer."
)
HEAT_ALT = "Heat maps of the attention and of the attribution of one head between the tokens of one {task} example."
HEAT_CAPTION = (
    "{task}: attention of one head beside its attribution, as in the paper's first figure. Much attention need not "
    "carry anything: compare where the two are dark. Blue speaks for the class, orange against it."
)


def section(context: ReportContext) -> Section:
    """Heat maps and trees of some examples, the curve over thresholds, and the comparison with baselines."""
    examples = sorted({record["n"] for record in context.records["tree"]})
    blocks: list[Block] = [Text(QUESTION)]
    if examples_of := {task_name(task): pictures for task in context.splits if (pictures := _pictures(context, task))}:
        blocks.append(Tabs("task", examples_of))
    found = context.statistics["tree"]
    areas = in_words(found, Tree.AREA)
    at_tau = in_words(found, Tree.RECOVERED, Tree.KNEE)
    blocks += [
        Text(MEASURES.format(n=" or ".join(map(str, examples)))),
        Table(SHAPES, shape_rows(context.records["tree"])),
        Table(SETS, statistic_rows(found, Tree.RECOVERED, Tree.BEYOND_RANDOM, Tree.BASELINE)),
        Text(RANDOM),
        Picture("recovered", CURVE_ALT.format(values=at_tau), CURVE_CAPTION, stage="tree"),
        Table(CURVE_TABLE, statistic_rows(found, Tree.EXCESS, Tree.EXCESS_REVIEWED, Tree.KNEE)),
        Picture("edges", EDGES_ALT.format(values=areas), EDGES_CAPTION, stage="tree"),
        Table(EDGES_TABLE, statistic_rows(found, Tree.AREA, Tree.AREA_LEAD, Tree.AREA_LEAD_OF_MARGIN)),
        Table(LOST, statistic_rows(found, Tree.LOST, Tree.LOST_BEYOND_RANDOM)),
        Table(OPEN, statistic_rows(found, Tree.OPEN, Tree.OPEN_BASELINE)),
    ]
    return Section("trees", "Attribution trees", blocks)


def _pictures(context: ReportContext, task: str) -> list[Block]:
    """The heat map and the trees of a task; none where its texts may not be published."""
    name, count = task_name(task), context.parameters["examples"]["n_trees"]
    heat, trees = f"heatmap_{task}", f"trees_{task}"
    described = {
        heat: (HEAT_ALT.format(task=name), HEAT_CAPTION.format(task=name), "attribute"),
        trees: (TREES_ALT.format(count=count, task=name), TREES_CAPTION.format(task=name), "examples"),
    }
    return [
        Picture(figure, alt, caption, stage=stage)
        for figure, (alt, caption, stage) in described.items()
        if figure in context.figures
    ]
