"""How exact the attribution is."""

from pipeline.reporting.blocks import Block, Picture, ReportContext, Section, Table, Text
from pipeline.reporting.convergence.tables import auto_rows, completeness_rows, convergence_rows
from pipeline.reporting.style import task_name

RULES = (
    "Attribution is an integral, and every rule with a finite number of steps misses it by something. On {n} dev "
    "examples per model each rule is compared, edge by edge, with {reference} Gauss-Legendre nodes in float64."
)
RULES_ALT = (
    "Relative edge error against the number of steps on logarithmic axes, one line per quadrature rule. {errors}."
)
RULES_CAPTION = (
    "Relative edge error, the sum over edges of the absolute error over that of the scores, pooled over examples and "
    "layers. The star is `steps: auto`, at the mean of the steps it took."
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
    "Absolute completeness gap on the dev examples by layer, predicted class, in the unit of F. Gaps below 1e-7 are "
    "drawn there: they are rounding."
)
GAPS_TABLE = "Completeness gaps on the dev examples, in the unit of F, and the steps taken."


def section(context: ReportContext) -> Section:
    """Convergence of the rules, what `auto` reached, and the gaps of all results."""
    needed, gaps = convergence_rows(context.records["convergence"]), completeness_rows(context.completeness)
    reference, n = context.parameters["convergence"]["reference_steps"], context.records["convergence"][0]["n"]
    errors = "; ".join(
        f"{task_name(record['task'])}, seed {record['seed']}: 20 right-rule steps {100 * paper['error']['value']:.1f} %"
        for record in context.records["convergence"]
        if (paper := record.get("paper"))
    )
    largest: dict[str, float] = {}
    for row in context.completeness:
        model = f"{task_name(str(row['task']))}, seed {row['seed']}"
        largest[model] = max(largest.get(model, 0.0), row["max"])
    in_words = "; ".join(f"{model}: {gap:.2g}" for model, gap in largest.items())
    blocks: list[Block] = [
        Text(RULES.format(n=n, reference=reference)),
        Picture("convergence", RULES_ALT.format(errors=errors or "The grid has no 20 steps"), RULES_CAPTION),
        Table(NEEDED, needed),
        Table(AUTO, auto_rows(context.records["convergence"])),
        Text(GAPS),
        Picture("completeness", GAPS_ALT.format(gaps=f"Largest gaps: {in_words}"), GAPS_CAPTION),
        Table(GAPS_TABLE, gaps),
    ]
    return Section("error", "How exact the attribution is", blocks)
