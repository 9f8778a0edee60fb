"""Check params.yaml and the folders that it needs.

Before DVC starts: silent, or one line and exit code 2.

Run: python -m pipeline.commands.check
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.values.paths import link_external

if TYPE_CHECKING:
    from pipeline.values.schema import Params


def main(arguments: list[str] | None = None) -> None:
    """Check the repository's params.yaml."""
    run_command(command_parser("check", __doc__), lambda _: check_repository(), arguments)


def check_repository() -> Params:
    """The values of the working directory, if they and what they need are in order.

    Raises:
        InputError: if anything is not.
    """
    from pipeline.values.params import read_params

    require_history(Path.cwd())
    params = read_params()
    check(params)
    return params


def require_history(folder: Path) -> None:
    """Refuse a folder in which DVC would stop: one outside of any git repository, unless DVC is told to do without."""
    from configparser import ConfigParser

    for name in ("config", "config.local"):
        settings = ConfigParser()
        settings.read(folder / ".dvc" / name)
        if settings.getboolean("core", "no_scm", fallback=False):
            return
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        raise InputError(
            f"{folder} is in no git repository, which DVC looks for: run `git init`, or `dvc config core.no_scm true`"
        )


def check(params: Params) -> None:
    """Make or refresh the link `external` if `params` needs it, and look for the folders of every task and seed.

    Raises:
        InputError: if one is missing, holds an adapter, is linked so that DVC would not see its changes, or has too few
            rows for the samples that `prepare` takes out of them.
    """
    from pipeline.data.checkpoint import model_location
    from pipeline.data.few_rows import few_rows
    from pipeline.data.sources import refuse_linked_data
    from pipeline.predicting.plain import refuse_adapters
    from pipeline.values.schema import external_folders

    link_external(external_folders(params))
    for task in params.tasks if params.data.source == "folder" else ():
        refuse_linked_data(params.data, params.table[task])
        _require_folder(Path(params.data.dep) / task, f"tasks holds {task}")
    if few := few_rows(params):
        values = ", ".join(f"{key}={value}" for key, value in few.values.items())
        raise InputError(f"{few.why}; smaller samples: set {values}")
    for task, seed in product(params.tasks, params.seeds) if params.model.source == "folder" else ():
        refuse_adapters(model_location(params.model, task, seed))


def _require_folder(folder: Path, reason: str) -> None:
    if not os.path.isdir(folder):  # noqa: PTH112 - `Path.is_dir` raises where a name is too long
        raise InputError(f"{reason}, but there is no folder {folder} (external is the folder of ATTATTR_DATA)")


if __name__ == "__main__":
    main()
