"""Check params.yaml, and the folders it needs, before DVC starts: silent, or one line and exit code 2.

python -m pipeline.commands.check
"""

import os
from pathlib import Path

from pipeline.errors import InputError
from pipeline.launch.errors import exit_on_bad_input
from pipeline.values.params import read_params
from pipeline.values.paths import link_external, repository
from pipeline.values.per_task import filled_name
from pipeline.values.schema import Params, external_folders


def main() -> None:
    """Check the repository's params.yaml."""
    with exit_on_bad_input():
        os.chdir(repository())
        check(read_params())


def check(params: Params) -> None:
    """Make or refresh the link `external` if `params` needs it, and look for the folders of every task and seed.

    Raises:
        InputError: if one is missing.
    """
    link_external(external_folders(params))
    if params.data.source == "folder":
        for task in params.tasks:
            _require_folder(Path("external/glue") / task, f"tasks holds {task}")
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
