"""The versions of the packages that a stage computes with, as the lock files pin them."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from sys import stdlib_module_names

from pipeline.errors import InputError

# What computes the numbers, and all that is installed.
COMPUTING, ALL = "requirements.model.lock", "requirements.lock"
# Where a package is not imported by its own name.
NAMED = {
    "hydra": "hydra-core",
    "lightning_fabric": "pytorch-lightning",
    "pytorch_lightning": "pytorch-lightning",
    "ruamel": "ruamel-yaml",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def pins(packages: Iterable[str], root: Path) -> list[str]:
    """The pins (`numpy==2.4.6`) of imported packages, and of what they compute with themselves.

    transformers is imported, but the tokens are made by tokenizers: of what a package requires, directly or not,
    everything in `COMPUTING` counts.

    Raises:
        InputError: if a package that is imported is not pinned.
    """
    pinned, computing = _read(root / ALL) | _read(root / COMPUTING), _read(root / COMPUTING)
    found: set[str] = set()
    for package in {*packages} - stdlib_module_names:
        name = canonical(NAMED.get(package, package))
        if name not in pinned:
            raise InputError(f"{package} is imported, but {ALL} has no version of {name}: pin it there")
        found |= {name, *(one for one in _required(name) if one in computing)}
    return sorted(pinned[name] for name in found)


def canonical(name: str) -> str:
    """A package's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _read(path: Path) -> dict[str, str]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {canonical(line.partition("==")[0]): line for line in lines if "==" in line and not line.startswith("#")}


@cache
def _required(name: str) -> frozenset[str]:
    """All that a package requires, without its extras."""
    found, waiting = set[str](), [name]
    while waiting:
        try:
            listed = requires(waiting.pop()) or []
        except PackageNotFoundError:  # for another platform
            continue
        names = {canonical(re.split(r"[^\w.-]", line)[0]) for line in listed if "extra ==" not in line}
        waiting += names - found
        found |= names
    return frozenset(found)
