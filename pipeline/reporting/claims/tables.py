"""The claims table, and the table of choices that the paper leaves open."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """The verdicts."""
    return {"claims": claim_rows(results.records("claims"))}


def claim_rows(claims: Sequence[Metrics]) -> list[Row]:
    """One row per claim, model and statistic."""
    return [
        {"claim": claim["id"], "statement": claim["statement"], "task": claim["task"] or "all", "seed": claim["seed"]}
        | {"n": claim["n"], "statistic": claim["statistic"], "value": scaled(claim["value"]), "paper": claim["paper"]}
        | {"rule": claim["rule"], "verdict": claim["verdict"]}
        for claim in claims
    ]


CHOICES = Path(__file__).with_name("choices.yaml")


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
    found = {key.rpartition(".")[2]: reduce(getitem, key.split("."), parameters) for key in keys}
    known = {name: _text(value) for name, value in found.items() if value is not None and value != {}}
    shown = ", ".join(value if len(keys) == 1 else f"{name} {value}" for name, value in known.items())
    return "; ".join(part for part in (shown, choice.get("note")) if part)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
