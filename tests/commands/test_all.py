"""What all commands have in common: help, and one line and exit code 2 for what they refuse."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.values.paths import SOURCE

COMMANDS = sorted(path.stem for path in (SOURCE / "pipeline" / "commands").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_its_docstring_with_an_example(
    name: str, exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    command = import_module(f"pipeline.commands.{name}")
    assert exit_code(command.main, ["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: python -m pipeline.commands.{name} ")
    sentence, *_, example = (command.__doc__ or "").strip().split("\n\n")
    assert f"\n{sentence}\n" in shown
    assert f"\n{example}\n" in shown
    assert f"python -m pipeline.commands.{name}" in example


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_one_line_and_2_and_changes_nothing(
    name: str, workspace: Path, exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    assert exit_code(import_module(f"pipeline.commands.{name}").main, ["--zebra"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before


BAD = {
    "check": ["zebra"],
    "compose": ["zebra=1"],
    "conclusion": [],  # there is no report
    "export": ["--task", "negation", "--rate", "2", "out"],
    "keep_results": ["results"],  # nothing has been run
    "repro": ["0"],
    "sweep_summary": ["sweeps/none"],
    "verify_results": ["nowhere"],
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_input_is_one_line_and_2_and_changes_nothing(
    name: str, workspace: Path, exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    assert exit_code(import_module(f"pipeline.commands.{name}").main, BAD[name]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before
