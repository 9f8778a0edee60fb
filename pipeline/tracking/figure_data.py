"""What figures are drawn from, as a Weights & Biases artifact with their bytes: W&B alone suffices to draw them.

Tokens of triggers of a task whose texts may not be published stay out, as they are in no figure.
"""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.tracking.unpublished import WITHHELD, closed_tasks, without_texts
from pipeline.values.params import PARAMS_FILE, dump_params
from pipeline.values.paths import analysis_folder

if TYPE_CHECKING:
    from pipeline.values.config import StageConfig

FIGURE_DATA = "figure-data"  # the artifact's name, and its type
MADE_BY = "analyse"


def figure_files(config: StageConfig) -> dict[str, str]:
    """The text of every file by its path in the repository: the statistics, and the values of the run."""
    closed, found = closed_tasks(config), dict[str, str]()
    analysis = analysis_folder(config.output_root, "").resolve()
    for path in sorted(path for path in analysis.rglob("*") if path.suffix in (".csv", ".json")):
        text = path.read_text(encoding="utf-8")
        if closed:
            text = _json_without(text, closed) if path.suffix == ".json" else _csv_without(text, closed)
        found[(analysis_folder(Path(), "") / path.relative_to(analysis)).as_posix()] = text
    return found | {str(PARAMS_FILE): dump_params(config.all_values, header="Of the run that made these statistics.")}


def _json_without(text: str, closed: set[str]) -> str:
    records = {name: without_texts(rows, closed) for name, rows in json.loads(text).items()}
    return json.dumps(records, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _csv_without(text: str, closed: set[str]) -> str:
    rows = [*csv.DictReader(StringIO(text))]
    if not rows or not {"task", "tokens"} <= rows[0].keys():
        return text
    written = StringIO(newline="")
    writer = csv.DictWriter(written, fieldnames=[*rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | ({"tokens": WITHHELD} if row["task"] in closed else {}) for row in rows)
    return written.getvalue()
