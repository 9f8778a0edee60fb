"""Make a part of committed results again, and compare.

The part is everything that needs no model: the splits and their tokens from the raw data (`prepare`), the
statistics and verdicts from the committed outcomes, the tables and the figures. First every file of a replicate is
held against the SHA-256 that it was kept with, and the replicates' values and source against each other. With
`--retrain <task>-<seed>` one model is fine-tuned again and its dev accuracy compared: minutes on a CPU, equal only on
the same kind of machine.

Run: ATTATTR_DATA=<folder> python -m pipeline.commands.verify_results results/mini [--retrain negation-1]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path
from pipeline.values.paths import analysis_folder, link_external
from pipeline.values.store import read_json

if TYPE_CHECKING:
    import argparse

    from pipeline.values.schema import Params


def main(arguments: list[str] | None = None) -> None:
    """Compare; exit with 1 if anything differs."""
    parser = command_parser("verify_results", __doc__)
    parser.add_argument("results", type=given_path, help="a folder that keep_results made, such as results/mini")
    parser.add_argument("--retrain", metavar="TASK-SEED", help="fine-tune this model again, too")
    run_command(parser, _verify, arguments)


def _verify(options: argparse.Namespace) -> None:
    results: Path = options.results.resolve()
    from pipeline.kept.folder import refuse_different
    from pipeline.kept.pool import pooled_params, workspace
    from pipeline.kept.records import read_records, refuse_damaged
    from pipeline.kept.stages import run_stage
    from pipeline.terminal.progress import progress
    from pipeline.values.models import models_of
    from pipeline.values.params import read_params
    from pipeline.values.schema import external_folders

    records = read_records(results)
    if not records or not (results / "params.yaml").is_file():
        raise InputError(f"{options.results} holds no results: it has no params.yaml, or no replicates")
    refuse_damaged(results, records)
    refuse_different(results, records)
    with workspace(results, records) as made:
        params = read_params()
        if pooled_params(results, records) != (results / "params.yaml").read_text(encoding="utf-8"):
            raise InputError(f"{options.results} has replicates that are not in its statistics: run pool_results")
        link_external(external_folders(params))
        models = models_of(made, params.tasks, params.seeds)
        runs = [("prepare", f"{task}-{seed}") for task, seed in models]
        runs += [("analyse", ""), ("tables", ""), ("figures", "")]
        for run in progress(runs, description="make again", unit="stages"):
            run_stage(*run)
        compared = [f"outputs/data/{task}-{seed}/prepare.json" for task, seed in models]
        for parts in ("metrics/*", "outputs/analysis/*/*", "outputs/tables/*"):
            compared += [str(path.relative_to(results)) for path in sorted(results.glob(parts))]
        # Heat maps need the whole attribution maps, which are not committed.
        compared += [str(path.relative_to(made)) for path in sorted(made.glob("outputs/figures/*.svg"))]
        different = [name for name in compared if not _same(results / name, made / name)]
        if options.retrain and not _same_accuracy(results, params, options.retrain):
            different.append(options.retrain)
    if different:
        sys.exit(f"{len(different)} of {len(compared)} files differ")


def _same_accuracy(results: Path, params: Params, name: str) -> bool:
    """Fine-tune one model, and show its dev accuracy beside the committed one."""
    from pipeline.analysis.finetune import analyse
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.kept.stages import run_stage

    task, _, seed = name.rpartition("-")
    run_stage("finetune", name)
    (fresh,) = analyse(Outcomes(Path(), [task], [int(seed)]), params).records
    records = read_json(analysis_folder(results, "finetune") / "records.json")["records"]
    (committed,) = (record for record in records if (record["task"], record["seed"]) == (task, int(seed)))
    same = committed["accuracy"] == fresh["accuracy"]
    sys.stdout.write(
        f"{'same     ' if same else 'DIFFERENT'} accuracy of {name}: {committed['accuracy']}, now {fresh['accuracy']}\n"
    )
    return same


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
