"""Re-run a cheap part of committed results and show the differences.

The cheap part is everything that needs no model: the splits and their tokens from the raw data (`prepare`), the
tables from the committed metrics, the figures from the committed curves. With `--retrain <task>-<seed>` one model is
fine-tuned again and its dev accuracy compared: minutes on a CPU, and equal only on the same kind of machine.

Run: ATTATTR_DATA=<folder> python -m pipeline.commands.verify_results results/minilm [--retrain rte-1]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.errors import InputError
from pipeline.launch.errors import exit_on_bad_input
from pipeline.values.params import read_params
from pipeline.values.paths import SOURCE, link_external
from pipeline.values.schema import external_folders


def main(arguments: list[str] | None = None) -> None:
    """Compare; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.commands.verify_results")
    parser.add_argument("results", type=Path)
    parser.add_argument("--retrain", metavar="TASK-SEED")
    options = parser.parse_args(arguments)
    with exit_on_bad_input():
        results = options.results.resolve()
        if not (results / "params.yaml").is_file():
            raise InputError(f"{options.results} holds no results: it has no params.yaml")
        params = read_params(results / "params.yaml")
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder)
            shutil.copytree(results, workspace, dirs_exist_ok=True)
            shutil.copy(SOURCE / "dvc.yaml", workspace)
            os.chdir(workspace)
            shutil.rmtree(workspace / "outputs" / "figures")
            link_external(external_folders(params))
            for task in params.tasks:
                _run("prepare", f"task={task}")
            _run("tables")
            _run("figures")
            compared = [f"outputs/data/{task}/prepare.json" for task in params.tasks]
            compared += [str(path.relative_to(results)) for path in sorted(results.glob("outputs/tables/*"))]
            # Heat maps need the whole attribution maps, which are not committed.
            compared += [str(path.relative_to(workspace)) for path in sorted(workspace.glob("outputs/figures/*.svg"))]
            if options.retrain:
                task, _, seed = options.retrain.rpartition("-")
                _run("finetune", f"task={task}", f"seed={seed}")
                compared.append(f"metrics/finetune/{options.retrain}.json")
            different = [name for name in compared if not _same(results / name, workspace / name)]
        if different:
            sys.exit(f"{len(different)} of {len(compared)} files differ")


def _run(stage: str, *arguments: str) -> None:
    environment = {**os.environ, "DVC_STAGE": stage, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", f"pipeline.{stage}", *arguments, "run.tracking.mode=disabled"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"stage {stage} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")


def _same(committed: Path, fresh: Path) -> bool:
    """Show one line per file, and the differing lines."""
    old, new = committed.read_text(encoding="utf-8"), fresh.read_text(encoding="utf-8")
    sys.stdout.write(f"{'same     ' if old == new else 'DIFFERENT'} {committed.name} ({committed.parent.name})\n")
    for before, after in zip(old.splitlines(), new.splitlines(), strict=False):
        if before != after:
            sys.stdout.write(f"  committed: {before.strip()}\n  now:       {after.strip()}\n")
    return old == new


if __name__ == "__main__":
    main()
