"""The list of what is shown is complete, and everything on it is there."""

from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import pipeline.reporting
from pipeline.analysis.experiments import ANALYSES
from pipeline.reporting.experiments import SHOWN, Part, shown

FUNCTIONS = {"plots": "figures", "examples": "figures", "tables": "tables", "section": "section"}
FOLDER = Path(pipeline.reporting.__file__).parent


@pytest.mark.parametrize("experiment", SHOWN)
def test_every_part_on_the_list_has_its_function(experiment: str) -> None:
    for part in SHOWN[experiment]:
        module = import_module(f"pipeline.reporting.{experiment}.{part}")
        assert callable(getattr(module, FUNCTIONS[part]))


def test_every_part_that_is_there_is_on_the_list() -> None:
    there = {(path.parent.name, path.stem) for part in FUNCTIONS for path in FOLDER.glob(f"*/{part}.py")}
    assert there == {(experiment, part) for experiment, parts in SHOWN.items() for part in parts}
    assert set(get_args(Part)) == set(FUNCTIONS)


def test_every_experiment_that_is_analysed_is_shown() -> None:
    # The error of the scores stands beside that of the rules, in the section of `convergence`.
    assert set(ANALYSES) - {"attribute"} <= set(SHOWN)


def test_parts_have_the_order_of_the_report() -> None:
    assert shown("section") == list(SHOWN)
    assert shown("examples") == ["tree"]
