"""The models that are explained."""

from pipeline.analysis.claims import weak_tasks
from pipeline.analysis.intervals import standard_error
from pipeline.analysis.quantities import Finetune
from pipeline.reporting.blocks import Block, ReportContext, Section, Table, Text
from pipeline.reporting.finetune.tables import finetune_rows, sample_rows
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.style import task_name

OF_TASKS = "Dev accuracy of every task, over its models."
OF_MODELS = "Dev accuracy of every model, over all examples and by gold class, with Wilson's 95 % intervals."
STANDARD_ERRORS = (
    "One standard error of one model's dev accuracy, in points: {listed}. An accuracy per class rests on fewer "
    "examples still."
)
WEAK = (
    "Where models have learned too little, their heads say little, and their task decides no claim about them. "
    "{listed}."
)
SAMPLES = "Dev examples that each experiment is measured on, the same for every seed."


def section(context: ReportContext) -> Section:
    """How good the models are that the rest of the report explains, and on how many examples it does so."""
    records = context.records["finetune"]
    errors: dict[str, float] = {}
    for record in records:
        name = f"{task_name(record['task'])} (n = {record['n']:,})"
        errors[name] = max(errors.get(name, 0), 100 * standard_error(record["accuracy"], record["n"]))
    listed = "; ".join(f"{name} ±{points:.1f}" for name, points in errors.items())
    blocks: list[Block] = [
        Table(OF_TASKS, statistic_rows(context.statistics["finetune"], Finetune.ACCURACY)),
        Table(OF_MODELS, finetune_rows(records)),
        Text(STANDARD_ERRORS.format(listed=listed)),
    ]
    if weak := weak_tasks(records):
        named = [f"{task_name(task)}: {why}" for task, why in weak.items()]
        blocks.append(Text(WEAK.format(listed="; ".join(named))))
    if samples := sample_rows(records, context.statistics):
        blocks.append(Table(SAMPLES, samples))
    return Section("models", "Fine-tuned models", blocks)
