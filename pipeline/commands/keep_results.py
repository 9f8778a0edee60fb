"""Copy a finished run's small results to a folder to commit.

With the values that made them. No data, weights or attribution maps: the outcomes of every experiment, example by
example, what was found in them, figures, tables, report, and the digests of the splits. So every statistic can be made
anew without a model.

Run: python -m pipeline.commands.keep_results results/minilm
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path
from pipeline.terminal.listing import stages
from pipeline.values.paths import SOURCE
from pipeline.values.store import put_in_place
from pipeline.values.targets import writing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

OVER_ALL = (
    "params.yaml",
    "outputs/planted_paths/*/*",
    "metrics/*",
    "outputs/analysis/*/*",
    "outputs/figures/**/*.*",
    "outputs/tables/*",
    "outputs/report/*",
)


def main(arguments: list[str] | None = None) -> None:
    """Replace the folder by what the run in this repository left."""
    parser = command_parser("keep_results", __doc__)
    parser.add_argument("results", type=given_path, help="such as results/mini: new, or with earlier results")
    run_command(parser, _keep, arguments)


def _keep(options: argparse.Namespace) -> None:
    from pipeline.values.params import read_params

    folder, params = options.results.resolve(), read_params()
    patterns = [*OVER_ALL]
    patterns += [p.format(task=t, seed=s) for p in _per_model() for t in params.tasks for s in params.seeds]
    found = {pattern: sorted(Path().glob(pattern)) for pattern in patterns}
    for pattern, files in found.items():
        if not files:
            raise InputError(f"there is no {pattern}; run: dvc repro")
    if folder.exists() and not (folder / "params.yaml").is_file():
        raise InputError(f"{folder} is there and holds no results: name a folder that is new or does")
    fresh = folder.with_name(f".{uuid4().hex}")
    try:
        with writing(folder):
            for file in (file for files in found.values() for file in files):
                (fresh / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, fresh / file)
            put_in_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _per_model() -> Iterator[str]:
    yield "outputs/data/{task}-{seed}/prepare.json"
    yield "outputs/predictions/{task}-{seed}.parquet"
    yield "outputs/attributions/{task}-{seed}/outcomes.parquet"
    yield "outputs/examples/{task}-{seed}/trees.json"  # drawn again; what the viewer shows is in the report
    # The experiments: `prepare`, `finetune` and `attribute` write under other names than their own.
    for stage, entry in stages(SOURCE).items():
        if stage != "view" and entry["outs"] == [f"outputs/{stage}/${{item.task}}-${{item.seed}}"]:
            yield f"outputs/{stage}/{{task}}-{{seed}}/*"


if __name__ == "__main__":
    main()
