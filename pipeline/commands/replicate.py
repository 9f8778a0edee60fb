"""Run one replicate, a task with a seed, and keep it.

In a folder to commit. Its work is in replicates/<preset>-<task>-<seed>/, apart from the repository's run. Stopped or
killed, the same command goes on; when the replicate is kept, its work is removed. Several may run at once, here and in
other clones. Values are given as to `compose`. `pool_results` then makes the statistics of all replicates.

Run: nice python -m pipeline.commands.replicate results/study preset=study task=sst2 seed=11
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pipeline.kept.records import Item
    from pipeline.values.schema import Params

WORK = Path("replicates")
COMPARES = "universality"  # prunes by the order of other models, of which there are none here
PATIENCE = 12.0  # seconds, until the stage has ended


def main(arguments: list[str] | None = None) -> None:
    """Check the values, run what is not done yet, keep."""
    parser = command_parser("replicate", __doc__)
    parser.add_argument("results", type=given_path, help="such as results/study: new, or with earlier replicates")
    parser.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help="preset=, task=, seed=, and values")
    parser.add_argument("--without", metavar="STAGE", action="append", default=[], help="shortcut: leave it out")
    to = "save the fine-tuned encoder there, a folder that is not there yet, for another task to start from"
    parser.add_argument("--encoder", type=given_path, metavar="FOLDER", help=to)
    run_command(parser, _replicate, arguments, patience=PATIENCE)


def _replicate(options: argparse.Namespace) -> None:
    from pipeline.commands.check import check
    from pipeline.kept.folder import add, held, new_records, refuse_no_results
    from pipeline.kept.pool import PARAMS, own_params
    from pipeline.kept.records import MAY_LACK, Item, collect, read_records
    from pipeline.values.presets import compose_params
    from pipeline.values.store import replace
    from pipeline.values.targets import check_new_folder

    folder: Path = options.results.resolve()
    options.encoder = options.encoder and options.encoder.resolve()
    chosen, overrides = _chosen(options.overrides)
    item = Item(chosen["task"], int(chosen["seed"]))
    if unknown := next((stage for stage in options.without if stage not in MAY_LACK), None):
        raise InputError(f"--without is {unknown}, but a replicate may only lack {', '.join(MAY_LACK)}")
    without = {COMPARES, *options.without}
    given = [*overrides, f"tasks=[{item.task}]", f"seeds=[{item.seed}]"]
    params = compose_params(given)
    refuse_no_results(folder)
    if options.encoder:
        check_new_folder(options.encoder)
    if any((one["task"], one["seed"]) == item for one in read_records(folder)):
        raise InputError(f"{folder} has {item.name} already: take another seed")
    items = [item]
    if params.data.source == "planted" and "planted_paths" not in without:
        items.append(Item(None, item.seed))
    with _work(params, item) as work:
        check(params)
        for one in items:
            _run(one, without)
        if options.encoder:
            _save_encoder(item, options.encoder)
        records = [collect(one, params, without=without) for one in items]
        with held(folder):
            new = new_records(folder, records)
            if not (folder / PARAMS).is_file():
                command = shlex.join(["python", "-m", "pipeline.commands.compose", *overrides])
                replace(folder / PARAMS, own_params(params, header=f"Composed by: {command}").encode())
            add(folder, Path(), new)
        os.chdir(work.parents[1])
        shutil.rmtree(work)
    sys.stdout.write(f"kept {item.name} in {folder}\n")


def _chosen(overrides: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The task and the seed, and all else that is given."""
    chosen = {key: value for key, _, value in (one.partition("=") for one in overrides) if key in ("task", "seed")}
    for key in ("task", "seed"):
        if key not in chosen:
            raise InputError(f"{key} is missing; give {key}=<one>")
    if not chosen["seed"].isdecimal():
        raise InputError(f"seed is {chosen['seed']}, but must be a number")
    rest = [one for one in overrides if one.partition("=")[0] not in chosen]
    if listed := next((one for one in rest if one.partition("=")[0] in ("tasks", "seeds")), None):
        raise InputError(f"{listed} is given, but a replicate has one task and one seed")
    return chosen, rest


@contextmanager
def _work(params: Params, item: Item) -> Iterator[Path]:
    """The replicate's own repository, made or found, as the working directory; of one process at a time.

    Raises:
        InputError: if another process is at it, or if it holds unfinished work of other values or source.
    """
    from pipeline.kept.stages import run_stage
    from pipeline.launch.times import source_digest
    from pipeline.values.params import GRAPH_FILE, PARAMS_FILE, dump_params, read_params
    from pipeline.values.paths import SOURCE, times_file
    from pipeline.values.store import read_json, replace

    before, work = Path.cwd(), (WORK / f"{params.preset}-{item.name}").resolve()
    work.mkdir(parents=True, exist_ok=True)
    number = os.open(work, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is at {item.name} ({work}): wait for it, or stop it") from None
        os.chdir(work)
        shutil.copy(SOURCE / GRAPH_FILE, GRAPH_FILE)
        anew = f"to begin anew remove {work}"
        same = {"run"}  # which cannot change a result
        if PARAMS_FILE.is_file() and read_params().model_dump(exclude=same) != params.model_dump(exclude=same):
            raise InputError(f"{work} holds unfinished work of other values: give the same, or {anew}")
        replace(PARAMS_FILE, dump_params(params, header=f"The replicate {item.name}").encode())
        run_stage("source")
        for stage in item.stages:
            time_of = times_file(Path(), stage, item.name)
            if time_of.is_file() and read_json(time_of)["source"] != source_digest(Path(), stage):
                raise InputError(f"{stage} was run from other source: check that out again, or {anew}")
        yield work
    finally:
        os.chdir(before)
        os.close(number)


def _run(item: Item, without: set[str]) -> None:
    """Run the stages of the item that have not finished, and say how long each took."""
    from pipeline.kept.stages import run_stage
    from pipeline.values.paths import times_file
    from pipeline.values.store import read_json

    logs = Path("logs")
    logs.mkdir(exist_ok=True)
    for stage in (stage for stage in item.stages if stage not in without):
        done = times_file(Path(), stage, item.name)
        if done.is_file():
            sys.stdout.write(f"{stage}@{item.name}: done before, {_seconds(read_json(done)['seconds'])}\n")
            continue
        begun = time.monotonic()
        run_stage(stage, item.name, log=logs / f"{stage}@{item.name}.txt")
        sys.stdout.write(f"{stage}@{item.name}: {_seconds(time.monotonic() - begun)}\n")
        sys.stdout.flush()


def _save_encoder(item: Item, folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from pipeline.training.save import save
    from pipeline.values.paths import model_folder

    weights = model_folder(Path(), str(item.task), item.seed)
    model = AutoModelForSequenceClassification.from_pretrained(weights)
    save(model.base_model, AutoTokenizer.from_pretrained(weights), folder)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
