"""The models that are explained."""

from pipeline.analysis.intervals import standard_error
from pipeline.reporting.blocks import ReportContext, Section, Table, Text
from pipeline.reporting.finetune.tables import finetune_rows
from pipeline.reporting.style import task_name

STANDARD_ERRORS = (
    "One standard error of a dev accuracy, in points: {listed}. Differences smaller than the intervals are "
    "undecided, and an accuracy per class rests on fewer examples still."
)


def section(context: ReportContext) -> Section:
    """How good the models are that the rest of the report explains."""
    errors: dict[str, float] = {}
    for record in context.records["finetune"]:
        name = f"{task_name(record['task'])} (n = {record['n']:,})"
        errors[name] = max(errors.get(name, 0), 100 * standard_error(record["accuracy"], record["n"]))
    return Section(
        "models",
        "Fine-tuned models",
        [
            Table(
                "Accuracy on the dev split, over all examples and by gold class.",
                finetune_rows(context.records["finetune"]),
            ),
            Text(STANDARD_ERRORS.format(listed="; ".join(f"{name} ±{points:.1f}" for name, points in errors.items()))),
        ],
    )
