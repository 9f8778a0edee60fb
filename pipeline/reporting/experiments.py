"""What is shown of every experiment, in the order of the report: the one list that figures, tables and report read.

An experiment's folder here has `plots.py` with a function `figures`, `tables.py` with `tables`, and `section.py` with
`section`, as far as the list says so.
"""

from typing import Literal

Part = Literal["plots", "tables", "section"]

SHOWN: dict[str, tuple[Part, ...]] = {
    "headline": ("tables", "section"),
    "finetune": ("tables", "section"),
    "effectiveness": ("plots", "tables", "section"),
    "prune": ("plots", "tables", "section"),
    "universality": ("plots", "tables", "section"),
    "tree": ("plots", "tables", "section"),
    "receptive_field": ("plots", "tables", "section"),
    "triggers": ("plots", "tables", "section"),
    "convergence": ("plots", "tables", "section"),
    "claims": ("tables", "section"),
}


def shown(part: Part) -> list[str]:
    """The experiments that have figures (`plots`), tables or a section."""
    return [name for name, parts in SHOWN.items() if part in parts]
