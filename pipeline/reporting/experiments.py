"""What is shown of every experiment, in the order of the report: the one list that figures, tables and report read.

An experiment's folder here has, as far as the list says so, `plots.py` and `examples.py` with a function `figures` (of
curves, and of single examples), `tables.py` with `tables`, and `section.py` with `section`. One without a section has
all its statistics in the report, and needs no folder.
"""

from typing import Literal

Part = Literal["plots", "examples", "tables", "section"]

SHOWN: dict[str, tuple[Part, ...]] = {
    "claims": ("tables", "section"),
    "finetune": ("tables", "section"),
    "effectiveness": ("plots", "tables", "section"),
    "prune": ("plots", "tables", "section"),
    "universality": ("plots", "tables", "section"),
    "tree": ("plots", "examples", "tables", "section"),
    "receptive_field": ("plots", "tables", "section"),
    "triggers": ("plots", "tables", "section"),
    "convergence": ("plots", "tables", "section"),
    "truth": ("plots", "tables", "section"),
    "planted_paths": ("plots", "tables", "section"),
    "shortcut": ("plots", "tables", "section"),
}


def shown(part: Part) -> list[str]:
    """The experiments that have this part."""
    return [name for name, parts in SHOWN.items() if part in parts]
