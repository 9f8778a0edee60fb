"""The choices that the paper leaves open."""

from collections.abc import Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from pipeline.reporting.blocks import ReportContext, Section, Table
from pipeline.reporting.table_text import Row

CHOICES = Path(__file__).with_name("choices.yaml")
CAPTION = (
    "The paper, its released code (read in its source) and this run. A dash: not stated, or not known to us; †: "
    "recalled, not checked against the paper's text."
)


def choices_section(context: ReportContext) -> Section:
    """What the paper leaves open, and what was chosen here."""
    rows = choice_rows(context.parameters)
    return Section("choices", "Choices that the paper leaves open", [Table(CAPTION, rows)])


def choice_rows(parameters: Mapping[str, Any]) -> list[Row]:
    """Every open choice: the paper's, the released code's, ours in this run, and where it is set.

    `parameters` are the sections of params.yaml; † marks what is recalled of the paper and not checked.
    """
    return [
        {"choice": choice["choice"], "the paper": choice.get("paper"), "the released code": choice.get("code")}
        | {"here": _here(choice, parameters), "set by": ", ".join(choice.get("keys", ())) or "the method"}
        for choice in yaml.safe_load(CHOICES.read_text(encoding="utf-8"))
    ]


def _here(choice: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    keys = choice.get("keys", ())
    names = [key.rpartition(".")[2] for key in keys]
    found = {
        name if names.count(name) == 1 else key: reduce(getitem, key.split("."), parameters)
        for name, key in zip(names, keys, strict=True)
    }
    known = {name: _text(value) for name, value in found.items() if value is not None and value != {}}
    shown = ", ".join(value if len(keys) == 1 else f"{name} {value}" for name, value in known.items())
    return "; ".join(part for part in (shown, choice.get("note")) if part)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
