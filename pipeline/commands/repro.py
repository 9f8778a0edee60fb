"""Run the stages of several models at once.

Each with its share of the threads: what `make repro` begins with. Every process takes one model after the other
through the stages that need no other model's results. What is over all models is left to the `dvc repro` that follows.

Run: python -m pipeline.commands.repro 2
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from pipeline.errors import InputError
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import GRAPH_FILE, read_params
from pipeline.values.paths import repository


def main(arguments: list[str] | None = None) -> None:
    """Run the models' stages; exit with 1 if a stage of any of them failed."""
    parser = command_parser("repro", __doc__)
    parser.add_argument("jobs", type=int, help="how many models at once")
    jobs = parser.parse_args(arguments).jobs
    with exit_on_bad_input():
        if jobs < 1:
            raise InputError(f"JOBS is {jobs}, but must be at least 1")
        os.chdir(repository())
        params, stages = read_params(), own_stages(Path(GRAPH_FILE))
        models = [f"{task}-{seed}" for task in params.tasks for seed in params.seeds]
        threads = max(1, (os.cpu_count() or 1) // jobs)
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ}

        def run(model: str) -> int:
            command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *targets(model, stages)]
            return subprocess.run(command, env=environment, check=False).returncode

        with ThreadPoolExecutor(jobs) as pool:
            failed = [model for model, code in zip(models, pool.map(run, models), strict=True) if code]
    if failed:
        sys.exit(f"error: stages of {', '.join(failed)} failed")


def own_stages(graph: Path) -> list[str]:
    """The stages that run once per model and read no other model's outputs, in the order of `graph`."""
    stages = yaml.safe_load(graph.read_text(encoding="utf-8"))["stages"]
    per_model = {name: stage for name, stage in stages.items() if "task" in stage.get("matrix", {})}
    return [name for name, stage in per_model.items() if not any(map(_of_all_models, stage["deps"]))]


def targets(model: str, stages: Sequence[str]) -> list[str]:
    """What DVC calls the stages of one model."""
    return [f"{stage}@{model}" for stage in stages]


def _of_all_models(dep: str) -> bool:
    return dep.startswith("outputs/") and not dep.startswith("outputs/source/") and "${item." not in dep


if __name__ == "__main__":
    main()
