"""Copy the small results of a finished run, with the values that made them, into a folder that can be committed.

No data, weights or attribution maps: figures, tables, report, metrics, curves, and the digests of the splits.

Run: python -m pipeline.commands.keep_results results/minilm
"""

import argparse
import os
import shutil
from pathlib import Path

from pipeline.errors import InputError
from pipeline.launch.errors import exit_on_bad_input
from pipeline.values.params import read_params
from pipeline.values.paths import repository
from pipeline.values.store import put_in_place

PER_TASK = ("outputs/data/{task}/prepare.json",)
PER_MODEL = (
    "metrics/*/{task}-{seed}.json",
    "outputs/effectiveness/{task}-{seed}/*.csv",
    "outputs/prune/{task}-{seed}/*.csv",
    "outputs/convergence/{task}-{seed}/*.csv",
    "outputs/attributions/{task}-{seed}/*.csv",
    "outputs/tree/{task}-{seed}/curves.csv",
    "outputs/tree/{task}-{seed}/trees.json",
    "outputs/receptive_field/{task}-{seed}/*.csv",
    "outputs/triggers/{task}-{seed}/*.csv",
)
OVER_ALL = (
    "params.yaml",
    "metrics/universality.json",
    "outputs/universality/*",
    "outputs/figures/*",
    "outputs/tables/*",
    "outputs/report/*",
)


def main(arguments: list[str] | None = None) -> None:
    """Replace the folder by what the run in this repository left."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.commands.keep_results")
    parser.add_argument("results", type=Path)
    folder = parser.parse_args(arguments).results.resolve()
    with exit_on_bad_input():
        os.chdir(repository())
        params = read_params()
        patterns = [*OVER_ALL, *(pattern.format(task=task) for pattern in PER_TASK for task in params.tasks)]
        patterns += [p.format(task=t, seed=s) for p in PER_MODEL for t in params.tasks for s in params.seeds]
        found = {pattern: sorted(Path().glob(pattern)) for pattern in patterns}
        for pattern, files in found.items():
            if not files:
                raise InputError(f"there is no {pattern}; run: dvc repro")
        if folder.exists() and not (folder / "params.yaml").is_file():
            raise InputError(f"{folder} is there and holds no results: name a folder that is new or does")
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        for file in (file for files in found.values() for file in files):
            (fresh / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, fresh / file)
        put_in_place(fresh, folder)


if __name__ == "__main__":
    main()
