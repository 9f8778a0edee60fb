"""Upload offline runs to W&B, and read back what arrived.

From the folder `wandb/`; link what the runs read, and save the project's workspace. Of every run the server is asked
for its state, the number of its history steps, the names in its summary, and its artifacts. What is not whole is named
with the command that sends it again, and the exit code is 2. Each step goes on where an earlier call was cut off: a
run is uploaded once and linked once, and the workspace is the same one. Without a key or a server that takes it: one
line, and exit code 2.

Run: python -m pipeline.commands.publish [--entity E] [--project P]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser

if TYPE_CHECKING:
    import argparse

FOLDER = Path("wandb")


def main(arguments: list[str] | None = None) -> None:
    """Upload, link, save, read back; `run.tracking` says where to, unless the command line does."""
    parser = command_parser("publish", __doc__)
    parser.add_argument("--entity", help="the user or team on W&B (run.tracking.entity)")
    parser.add_argument("--project", help="the project (run.tracking.project)")
    run_command(parser, _publish, arguments)


def _publish(given: argparse.Namespace) -> None:
    from pipeline.values.params import read_params

    settings = read_params().run.tracking
    runs = sorted(path for path in FOLDER.glob("*run-*-*") if path.is_dir() and not path.is_symlink())
    if not runs:
        raise InputError(f"{FOLDER}/ holds no runs; make some with: dvc repro")
    from pipeline.commands.publishing.upload import link, log_in, upload

    entity = log_in(given.entity or settings.entity)
    project = given.project or settings.project
    uploaded = upload(runs, entity=entity, project=project)
    linked, missing = link(runs, entity=entity, project=project)
    from pipeline.commands.publishing.workspace import save_workspace

    url = save_workspace(Path.cwd(), entity=entity, project=project)
    sys.stdout.write(f"{uploaded} runs uploaded, {linked} inputs linked; workspace: {url}\n")
    from pipeline.commands.publishing.whole import broken_runs, send_again

    broken = broken_runs(runs, entity=entity, project=project)
    sys.stdout.write(f"{len(runs) - len(broken)} of {len(runs)} runs whole\n")
    if broken:
        command = send_again([*broken], entity=entity, project=project)
        raise InputError(f"not whole in {entity}/{project}: {'; '.join(broken.values())}; send again with: {command}")
    if missing:
        sys.exit(
            f"error: {len(missing)} inputs were made by no run in {entity}/{project}, and are not linked: "
            f"{', '.join(missing)}"
        )


if __name__ == "__main__":
    main()
