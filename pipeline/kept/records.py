"""What is kept of a replicate, and the file that says where it is from: `outputs/replicates/<task>-<seed>.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.errors import InputError
from pipeline.terminal.listing import stages
from pipeline.values.git import changed, commit
from pipeline.values.models import replicates_folder
from pipeline.values.paths import SOURCE, times_file
from pipeline.values.store import read_json
from pipeline.values.sums import IN_FOLDER, check_sums, digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pipeline.values.schema import Params

Record = dict[str, Any]

# What measuring stages leave under another name than their own, or of which only a part is kept.
PATTERNS = {
    "prepare": "outputs/data/{item}/prepare.json",
    "finetune": "outputs/predictions/{item}.parquet",
    "attribute": "outputs/attributions/{item}/outcomes.parquet",
}
NOT_KEPT = ("view",)  # what the viewer shows is megabytes
DRAWN = "outputs/examples/{item}/trees.json"  # of no measuring stage; drawn where it is there
MAY_LACK = ("universality", "planted_paths", "shortcut")  # a replicate may be without
OVER_ALL = ("tasks", "seeds", "preset")
ENTRIES = ("entry", "labels")  # of its own task, beside the sections that all share


class Item(NamedTuple):
    """A replicate, or what a seed has beside those of its tasks: its planted paths."""

    task: str | None
    seed: int

    @property
    def name(self) -> str:
        """As DVC names it: `<task>-<seed>`, or `<seed>`."""
        return str(self.seed) if self.task is None else f"{self.task}-{self.seed}"

    @property
    def stages(self) -> list[str]:
        """The stages that measure it, in the order of the graph, of which something is kept."""
        keys = {"seed"} if self.task is None else {"task", "seed"}
        return [
            name
            for name, entry in stages(SOURCE).items()
            if {*(entry.get("matrix") or {})} == keys and name not in NOT_KEPT
        ]


def kept_pattern(stage: str, item: Item) -> str:
    """What is kept of a stage."""
    return PATTERNS.get(stage, f"outputs/{stage}/{{item}}/*").format(item=item.name)


def collect(item: Item, params: Params, *, without: Collection[str] = ()) -> Record:
    """What there is to say of an item of the run in the working directory, and digests of the files to keep.

    Raises:
        InputError: if a stage has left nothing, or ran from other source than the stage `source` has found last.
    """
    from pipeline.launch.times import source_digest

    record: Record = {"task": item.task, "seed": item.seed, "preset": params.preset, **_commit()}
    record |= {"source": {}, "stages": {}, "files": {}, "values": {}}
    for stage in item.stages:
        if stage in without:
            continue
        pattern = kept_pattern(stage, item)
        # The record has digests of its own.
        files = sorted(path for path in Path().glob(pattern) if path.is_file() and path.name != IN_FOLDER)
        owner = f"{stage}@{item.name}"
        if not files:
            raise InputError(f"there is no {pattern}; run: dvc repro {owner}")
        output = files[0].parent if len(Path(pattern).parts) > 3 else files[0]
        check_sums(output, owner=owner, remedy=f"delete {output} and run: dvc repro {owner}")
        record["files"] |= {str(path): digest(path) for path in files}
        record["values"] |= seen_values(params, stage, item)
        time = times_file(Path(), stage, item.name)
        known = read_json(time) if time.is_file() else {}
        source = source_digest(Path(), stage)
        if source is None or known.get("source", source) != source:
            raise InputError(f"{owner} ran from other source than there is: run: dvc repro")
        record["source"][stage] = source
        names = ("seconds", "started", "machine", "versions")
        record["stages"][stage] = {name: known.get(name) for name in names}
    if item.task is not None and (drawn := Path(DRAWN.format(item=item.name))).is_file():
        record["files"][str(drawn)] = digest(drawn)
    return record


def seen_values(params: Params, stage: str, item: Item) -> Record:
    """The values that the stage sees, without those that say which models there are."""
    from pipeline.values.config import StageConfig
    from pipeline.values.params import GRAPH_FILE, read_declaration

    declared = read_declaration(stage, SOURCE / GRAPH_FILE).sections
    config = StageConfig(params, stage=stage, declared=declared, task=item.task, seed=item.seed)
    return {name: values for name, values in config.values().items() if name not in OVER_ALL}


def record_file(folder: Path, item: Item) -> Path:
    """Where a kept run has an item's record."""
    return replicates_folder(folder) / f"{item.name}.json"


def item_of(record: Record) -> Item:
    """What a record is of."""
    return Item(record["task"], record["seed"])


def read_records(folder: Path) -> list[Record]:
    """Every record of a kept run, in the order of their names.

    Raises:
        InputError: if one cannot be read, or is of another item than its name says.
    """
    found = []
    for path in sorted(replicates_folder(folder).glob("*.json")):
        record: Record = {}
        try:
            record = read_json(path)
            named = item_of(record).name
            whole = all(isinstance(record[key], dict) for key in ("source", "stages", "files", "values"))
        except (ValueError, KeyError, TypeError, AttributeError):
            named, whole = "", False
        if not whole or named != path.stem:
            raise InputError(f"{path} is damaged, or of another replicate: take it from where it was made")
        found.append(record)
    return found


def refuse_damaged(folder: Path, records: Iterable[Record]) -> None:
    """Refuse a kept run of which a file is missing, or is another than was kept."""
    for record in records:
        for name, expected in record["files"].items():
            path = folder / name
            if not path.is_file():
                raise InputError(f"{path} is missing, which {item_of(record).name} was kept with")
            if digest(path) != expected:
                raise InputError(f"{path} is another file than {item_of(record).name} was kept with (SHA-256 differs)")


def _commit() -> Record:
    """The commit of the source, and whether what runs differs from it."""
    return {"commit": commit(), "dirty": changed()}
