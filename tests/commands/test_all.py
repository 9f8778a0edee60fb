"""What all commands have in common: help, one line and exit code 2 for what they refuse, and for Ctrl-C 130."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from run_by_hand import until

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
    "pool_results": ["nowhere"],
    "replicate": ["results", "preset=mini", "task=negation"],  # which seed?
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


@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupt_is_one_line_and_130(
    name: str, exit_code: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where its own work is about to begin, whatever that is."""
    command = import_module(f"pipeline.commands.{name}")
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda *_: argparse.Namespace())
    with monkeypatch.context() as interrupted:
        interrupted.setattr(os, "chdir", lambda _: os.kill(os.getpid(), signal.SIGINT))
        assert exit_code(command.main, []) == 130
    assert capsys.readouterr().err == "error: stopped by SIGINT; run the same command again to go on\n"


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_the_work_of_a_process_is_one_line(number: signal.Signals) -> None:
    Path(".dvc").mkdir()
    os.mkfifo(".dvc/config")  # whoever reads it waits
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "pipeline.commands.check"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    until(lambda: process.poll() is not None or _is_read(Path(".dvc/config")))
    process.send_signal(number)
    said = process.communicate(timeout=50)[1]
    assert (process.returncode, said) == (
        128 + number,
        f"error: stopped by {number.name}; run the same command again to go on\n",
    )


def _is_read(fifo: Path) -> bool:
    """Whether another process has opened it; it goes on waiting as long as the file that this leaves open is."""
    try:
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True


HEAVY = ("dvc", "hydra", "joblib", "numpy", "omegaconf", "pandas", "pydantic", "torch", "transformers", "wandb")


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_that_takes_long_is_imported_before_the_work_begins(name: str) -> None:
    code = f"import sys, pipeline.commands.{name}; print(*{{*{HEAVY}}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
