"""Copy the small results of a finished run, with the values that made them, into a folder that can be committed.

No data, weights or attribution maps: figures, tables, report, metrics, curves, and the digests of the splits.

Run: python -m pipeline.commands.keep_results results/minilm
"""

import argparse
import os
import shutil
from pathlib import Path

from pipeline.errors import InputError
from pipeline.run.errors import exit_on_bad_input
from pipeline.run.paths import repository

KEPT = (
    "params.yaml",
    "metrics/*/*.json",
    "outputs/data/*/prepare.json",
    "outputs/effectiveness/*/*.csv",
    "outputs/prune/*/*.csv",
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
        found = {pattern: sorted(Path().glob(pattern)) for pattern in KEPT}
        for pattern, files in found.items():
            if not files:
                raise InputError(f"there is no {pattern}; run: dvc repro")
        if folder.exists() and not (folder / "params.yaml").is_file():
            raise InputError(f"{folder} is there and holds no results: name a folder that is new or does")
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        for file in (file for files in found.values() for file in files):
            (fresh / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, fresh / file)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)


if __name__ == "__main__":
    main()
