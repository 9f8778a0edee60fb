"""Check params.yaml and the folders that it needs.

Before DVC starts: silent, or one line and exit code 2.

Run: python -m pipeline.commands.check
"""

import os
from configparser import ConfigParser
from pathlib import Path

from pipeline.errors import InputError
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import read_params
from pipeline.values.paths import link_external, repository
from pipeline.values.per_task import filled_name
from pipeline.values.schema import Params, external_folders


def main(arguments: list[str] | None = None) -> None:
    """Check the repository's params.yaml."""
    command_parser("check", __doc__).parse_args(arguments)
    with exit_on_bad_input():
        os.chdir(repository())
        require_history(Path.cwd())
        check(read_params())


def require_history(folder: Path) -> None:
    """Refuse a folder in which DVC would stop: one outside of any git repository, unless DVC is told to do without."""
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
        InputError: if one is missing.
    """
    link_external(external_folders(params))
    if params.data.source == "folder":
        for task in params.tasks:
            _require_folder(Path(params.data.dep) / task, f"tasks holds {task}")
    if params.model.source == "folder":
        for task in params.tasks:
            for seed in params.seeds:
                name = filled_name(str(params.model.name), task, seed)
                _require_folder(Path("external/models") / name, f"model.name is {params.model.name}")


def _require_folder(folder: Path, reason: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{reason}, but there is no folder {folder} (external is the folder of ATTATTR_DATA)")


if __name__ == "__main__":
    main()
