"""Statistics, verdicts, tables, figures and report of all replicates in a folder, made anew from their outcomes."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.kept.folder import refuse_other_values
from pipeline.kept.records import DRAWN, item_of, read_records, record_file, refuse_damaged
from pipeline.kept.stages import run_stage
from pipeline.values.paths import SOURCE
from pipeline.values.store import put_in_place, replace
from pipeline.values.targets import hidden_beside, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.kept.records import Record
    from pipeline.values.schema import Params

STAGES = ("analyse", "tables", "figures", "report")
MADE = ("metrics", *(f"outputs/{name}" for name in ("analysis", "tables", "figures", "report")))
PARAMS = "params.yaml"
# What is shown of single examples where it is at hand, and too large to be kept.
LARGE = ("outputs/examples/{item}/viewer.json", "outputs/attributions/{item}/full.safetensors")
GRID = "Tasks and seeds are those of the replicates in outputs/replicates; a task may lack a seed."


def pool(folder: Path, *, beside: Path | None = None) -> None:
    """Make everything anew that is over all replicates; the folder is changed once it is whole.

    Args:
        folder: a kept run.
        beside: a finished run; where the folder's examples are its own, they are shown in the viewer, too.

    Raises:
        InputError: if there is no replicate, if a file is damaged, or if a stage fails.
    """
    records = read_records(folder)
    if not any(record["task"] for record in records):
        raise InputError(f"{folder} has no replicate: python -m pipeline.commands.replicate adds one")
    refuse_damaged(folder, records)
    fresh = hidden_beside(folder)
    try:
        with writing(folder), workspace(folder, records, beside=beside) as made:
            for stage in STAGES:
                run_stage(stage)
            copy_kept(folder, fresh, records)
            shutil.copy(made / PARAMS, fresh)
            for name in MADE:
                shutil.copytree(made / name, fresh / name)
        put_in_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def copy_kept(folder: Path, fresh: Path, records: Sequence[Record]) -> None:
    """Copy the replicates of a kept run, and nothing that is made of them."""
    for record in records:
        own = record_file(Path(), item_of(record))
        for name in (*record["files"], str(own)):
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, fresh / name)


@contextmanager
def workspace(folder: Path, records: Sequence[Record], *, beside: Path | None = None) -> Iterator[Path]:
    """A working directory in which stages find the outcomes of the replicates, and the values of all of them."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        copy_kept(folder, made, records)
        shutil.copy(SOURCE / "dvc.yaml", made)
        replace(made / PARAMS, pooled_params(folder, records).encode())
        for record in records if beside else ():
            _link_large(record, beside or Path(), made)
        os.chdir(made)
        try:
            yield made
        finally:
            os.chdir(before)


def pooled_params(folder: Path, records: Sequence[Record]) -> str:
    """The folder's params.yaml with the tasks and seeds of its replicates: as it is where it has these already."""
    from pipeline.values.params import dump_params, load_params, read_values
    from pipeline.values.task_table import read_task_table

    path = folder / PARAMS
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    values = read_values(path)
    refuse_other_values(load_params(values), records, folder)
    items = [item_of(record) for record in records]
    tasks = {item.task for item in items if item.task is not None}
    seeds = {item.seed for item in items if item.task is not None}
    if {*values["tasks"]} == tasks and {*values["seeds"]} == seeds:
        return text
    table = read_task_table()
    params = load_params({**values, "tasks": [task for task in table if task in tasks], "seeds": sorted(seeds)})
    first = next((line.removeprefix("# ") for line in text.splitlines() if line.startswith("# Composed by")), "")
    return dump_params(params, header="\n".join(filter(None, (first, GRID))))


def own_params(params: Params, *, header: str) -> str:
    """The params.yaml of a folder that a replicate is the first of: nothing in it is this machine's."""
    from pipeline.values.params import dump_params
    from pipeline.values.presets import compose_params

    preset = compose_params([f"preset={params.preset}"])
    values = {"tasks": preset.tasks, "seeds": preset.seeds, "run": preset.run}
    return dump_params(params.model_copy(update=values), header=header)


def _link_large(record: Record, beside: Path, made: Path) -> None:
    """Link what the examples of a replicate need in the viewer, if they are those of the run `beside`."""
    item = item_of(record)
    drawn = DRAWN.format(item=item.name)
    if drawn not in record["files"] or not _is_same(beside / drawn, made / drawn):
        return
    for pattern in LARGE:
        name = pattern.format(item=item.name)
        if (beside / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).symlink_to((beside / name).resolve())


def _is_same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()
