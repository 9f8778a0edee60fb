"""What may not leave the machine: texts of tasks with `published: false` in the table of tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.values.config import StageConfig

WITHHELD = "(not published)"
Row = Mapping[str, Any]


def closed_tasks(config: StageConfig) -> set[str]:
    """The run's tasks whose texts may not be published."""
    return {task for task in config.tasks if not config.all_values.table[task].published}


def without_texts(rows: Sequence[Row], closed: set[str]) -> list[Row]:
    """Rows of results; of closed tasks without words of their examples, which are the tokens of triggers."""
    return [_withheld(row) if row.get("task") in closed else row for row in rows]


def _withheld(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: WITHHELD if name == "tokens" and isinstance(inner, str) else _withheld(inner)
            for name, inner in value.items()
        }
    return [*map(_withheld, value)] if isinstance(value, list) else value
