"""Compose a preset and other values into params.yaml.

Which DVC and every stage read; its keys are what can be given. Nothing is written unless all values are allowed.

Run: python -m pipeline.commands.compose preset=minilm trainer=gpu prune.random_orders=50 'seeds=[1,2]'
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import PARAMS_FILE, dump_params, preset_names
from pipeline.values.paths import link_external, repository
from pipeline.values.presets import compose_params
from pipeline.values.schema import external_folders


def main(arguments: Sequence[str] | None = None) -> None:
    """Write params.yaml from the command line's overrides."""
    parser = command_parser("compose", __doc__)
    known = f"preset={'|'.join(preset_names())}, trainer=cpu|gpu|ddp, and values of params.yaml"
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=known)
    given = parser.parse_args(arguments).overrides
    with exit_on_bad_input():
        os.chdir(repository())
        params = compose_params(given)
        link_external(external_folders(params))
        command = shlex.join(["python", "-m", "pipeline.commands.compose", *given])
        header = f"Composed by: {command}\nEditing values is fine: `dvc repro` runs again what reads them."
        _write(PARAMS_FILE, dump_params(params, header=header))


def _write(path: Path, text: str) -> None:
    """Replace `path` in one step, so that an interrupted write leaves it as it was."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


if __name__ == "__main__":
    main()
