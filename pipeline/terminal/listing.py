"""What can be run and with what: found in the files, without importing them, as torch alone would take a second."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import InputError


def stages(repository: Path) -> dict[str, Any]:
    """dvc.yaml's entries by the stage's name, in the order of the graph.

    Raises:
        InputError: if the file is missing or cannot be read.
    """
    return read_yaml(repository / "dvc.yaml").get("stages") or {}


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file of names, by the parser that is written in C: Python's own takes longer than all else here.

    Raises:
        InputError: if it is missing or cannot be read.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path.name} must hold sections")
    return content


def modules(folder: Path) -> dict[str, str]:
    """The first lines of the docstrings of a folder's modules, by name."""
    files = sorted(path for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: summary(path) for path in files}


def summary(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0]


def presets(folder: Path) -> dict[str, str]:
    """The first lines of the comments of a folder's YAML files, by name; Hydra's own, `# @package`, is none."""
    return {path.stem: next(_comments(path), "") for path in sorted(folder.glob("*.yaml"))}


def table(rows: Iterable[tuple[str, str]], *, width: int) -> str:
    """Names and what they are, one a line, the names padded to `width`."""
    return "".join(f"  {name:<{width}}  {text}".rstrip() + "\n" for name, text in rows)


def _comments(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if line.startswith("#") and not text.startswith("@"):
            yield text
