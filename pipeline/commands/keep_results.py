"""Copy a finished run's small results to a folder to commit.

With the values that made them. No data, weights or attribution maps: the outcomes of every experiment, example by
example, what was found in them, figures, tables, report, and the digests of the splits. So every statistic can be made
anew without a model.

Run: python -m pipeline.commands.keep_results results/minilm
"""

import os
import shutil
from pathlib import Path

import yaml

from pipeline.errors import InputError
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import GRAPH_FILE, read_params
from pipeline.values.paths import SOURCE, repository
from pipeline.values.store import put_in_place

GRAPH = yaml.safe_load((SOURCE / GRAPH_FILE).read_text(encoding="utf-8"))["stages"]
PER_MODEL = (
    "outputs/data/{task}-{seed}/prepare.json",
    "outputs/predictions/{task}-{seed}.parquet",
    "outputs/attributions/{task}-{seed}/outcomes.parquet",
    # The experiments: `prepare`, `finetune` and `attribute` write under other names than their own. What the viewer
    # shows is in the report.
    *(
        f"outputs/{stage}/{{task}}-{{seed}}/*"
        for stage, entry in GRAPH.items()
        if stage != "view" and entry["outs"] == [f"outputs/{stage}/${{item.task}}-${{item.seed}}"]
    ),
)
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
    parser.add_argument("results", type=Path, help="such as results/mini: new, or with earlier results")
    folder = parser.parse_args(arguments).results.resolve()
    with exit_on_bad_input():
        os.chdir(repository())
        params = read_params()
        patterns = [*OVER_ALL]
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
