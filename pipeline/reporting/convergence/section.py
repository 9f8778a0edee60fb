"""How exact the attribution is."""

from pipeline.analysis.quantities import Convergence
from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.convergence.tables import auto_rows, completeness_rows, convergence_rows, trust_rows
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.style import task_name

JUDGED = (
    "Attribution is an integral, and every rule with a finite number of steps misses it by something. How much the "
    "paper's 20 steps miss is judged example by example: an example's edge error is the sum over its edges of the "
    "absolute error over that of the scores, all layers together, so that layers with hardly any score hardly count. "
    "The order of the heads is compared by Kendall's tau: 1 is the same order, 0 what random orders have on average."
)
JUDGED_TABLE = "20 steps of the right rule (the paper's) and of the left one (its released code's)."
REFERENCE = (
    "The reference refines itself, in float64, until its own estimate of its error is {tolerance:g} of the scores, "
    "layer by layer, with at most {steps} steps. That estimate is its doubt, and an example counts as within 5 % only "
    "if error and doubt together are: an integral that these steps do not resolve counts against the claim."
)
TRUST = "How far the references can be trusted, in numbers of judged examples, and in % of the scores."
RULES = (
    "On {n} dev examples per model each rule and number of steps is compared, edge by edge, with {reference} "
    "Gauss-Legendre nodes in float64."
)
RULES_ALT = "Relative edge error against the number of steps on logarithmic axes, a line per rule. In %: {shares}."
RULES_CAPTION = (
    "The lower a line, the fewer steps a rule needs; the paper's right rule is in orange. Relative edge error, "
    "the sum over edges of the absolute error over that of the scores, pooled over examples and layers. The star is "
    "`steps: auto`, at the mean of the steps it took."
)
NEEDED = "Fewest steps from which on the error stays at or below 1, 0.1 and 0.01 %; a dash: none of the grid."
AUTO = (
    "`steps: auto` on the same examples: its pooled error in %, the share of (example, layer) pairs whose own error is "
    "within the tolerance, and how many of them stopped at the largest number of steps."
)
GAPS = (
    "Every result carries its completeness gap: the sum of a layer's scores minus the change of F that they explain, "
    "which an exact integral makes zero. A gap that is small beside the change is necessary for exact scores, not "
    "sufficient: errors of single edges can cancel in the sum."
)
GAPS_ALT = "Box plots of the absolute completeness gap by layer, one panel per task, on a logarithmic axis. {gaps}."
GAPS_CAPTION = (
    "All boxes should lie far below the size of a score. Absolute completeness gap on the dev examples by layer, "
    "predicted class, in the unit of F. Gaps below 1e-7 are drawn there: they are rounding."
)
GAPS_TABLE = "Completeness gaps on the dev examples, in the unit of F, and the steps taken."


def section(context: ReportContext) -> Section:
    """Convergence of the rules, what `auto` reached, and the gaps of all results."""
    needed, gaps = convergence_rows(context.records["convergence"]), completeness_rows(context.completeness)
    values, n = context.parameters["convergence"], context.records["convergence"][0]["n"]
    judged = statistic_rows(
        context.statistics["convergence"], Convergence.WITHIN, Convergence.KENDALL, Convergence.ERROR
    )
    shares = in_words(context.statistics["convergence"], Convergence.WITHIN)
    largest: dict[str, float] = {}
    for row in context.completeness:
        model = f"{task_name(str(row['task']))}, seed {row['seed']}"
        largest[model] = max(largest.get(model, 0.0), row["max"])
    listed = "; ".join(f"{model}: {gap:.2g}" for model, gap in largest.items())
    blocks: list[Block] = [
        Text(JUDGED),
        Table(JUDGED_TABLE, judged),
        Text(REFERENCE.format(tolerance=values["reference_tolerance"], steps=values["reference_steps"])),
        Table(TRUST, trust_rows(context.records["convergence"])),
        Text(RULES.format(n=n, reference=values["reference_steps"])),
        Picture("convergence", RULES_ALT.format(shares=shares), RULES_CAPTION, stage="convergence"),
        Table(NEEDED, needed),
        Table(AUTO, auto_rows(context.records["convergence"])),
        Text(GAPS),
        Picture("completeness", GAPS_ALT.format(gaps=f"Largest gaps: {listed}"), GAPS_CAPTION, stage="attribute"),
        Table(GAPS_TABLE, gaps),
    ]
    return Section("error", "How exact the attribution is", blocks)
