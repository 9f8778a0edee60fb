"""What was run, and every choice behind it."""

import json
from collections.abc import Mapping

from pipeline.reporting.blocks import Block, ReportContext, Section, Table, Text
from pipeline.reporting.sections.replicates import replicate_blocks
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import Row

WITHOUT_RESULT = ("figures", "report", "run")  # sections that cannot change a number
REPLICATES = (
    "A seed is a replicate: it draws anew whatever is left to chance, from the rows carved out of the training split "
    "over the model's weights to random orders and control triggers. What is evaluated is the same for all."
)
DERIVED = ".dep"  # worked out from the source of the data or the model when a preset is composed


def run_section(context: ReportContext) -> Section:
    """Preset, overrides, tasks, model, seeds and the number of examples."""
    tasks, seeds = ", ".join(map(task_name, context.splits)), ", ".join(map(str, context.seeds))
    kinds = list(dict.fromkeys(kind for counts in context.splits.values() for kind in counts))
    splits: list[Row] = [
        {"task": task, **{kind: counts.get(kind) for kind in kinds}} for task, counts in context.splits.items()
    ]
    blocks: list[Block] = [
        Text(f"Preset `{context.preset}`. Tasks: {tasks}. Seeds: {seeds}. Model: {context.model}."),
        Text(REPLICATES),
        *replicate_blocks(context.replicates, context.records["finetune"]),
        _overrides(context),
        Table("Examples per split, first seed.", splits),
    ]
    return Section("run", "What was run", blocks)


def values_section(context: ReportContext) -> Section:
    """Every parameter that can change a result."""
    rows: list[Row] = [
        {"parameter": key, "value": _shown(value)}
        for section, values in context.parameters.items()
        if section not in WITHOUT_RESULT
        for key, value in _flattened(values, section)
        if not key.endswith(DERIVED)
    ]
    return Section("values", "Values", [Table("Every parameter that can change a result.", rows)])


def _overrides(context: ReportContext) -> Block:
    if not context.overrides:
        return Text(f"Every value is that of the preset `{context.preset}`; none is overridden.")
    rows: list[Row] = [
        {"parameter": key, "in the preset": _shown(old), "here": _shown(new)} for key, old, new in context.overrides
    ]
    return Table("Values that differ from the preset.", rows)


def _flattened(value: object, key: str) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [pair for name, inner in value.items() for pair in _flattened(inner, f"{key}.{name}")]
    return [(key, value)]


def _shown(value: object) -> str:
    """A value as params.yaml would hold it on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
