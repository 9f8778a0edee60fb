"""One figure of a finished run, drawn again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.figure import main
from pipeline.values.paths import SOURCE

KEPT = SOURCE / "results" / "mini"


@pytest.fixture
def finished(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's values and statistics, and a folder beside them from which the command is called."""
    shutil.copy(KEPT / "params.yaml", workspace)
    shutil.copytree(KEPT / "outputs" / "analysis", workspace / "outputs" / "analysis")
    for stage in ("examples", "attributions"):
        shutil.copytree(KEPT / "outputs" / stage, workspace / "outputs" / stage)
    monkeypatch.setattr("pipeline.values.paths.SOURCE", workspace)
    elsewhere = workspace / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return elsewhere


@pytest.mark.parametrize("name", ["receptive_field_share", "trees_negation"])
def test_a_figure_is_that_of_the_run(
    finished: Path, name: str, capfd: pytest.CaptureFixture[str], exit_code: Callable[..., int]
) -> None:
    assert exit_code(main, [name]) == 0
    assert [Path(line) for line in capfd.readouterr().out.splitlines()] == [
        finished / f"{name}.svg",
        finished / f"{name}.png",
    ]
    assert (finished / f"{name}.svg").read_bytes() == (KEPT / "outputs/figures" / f"{name}.svg").read_bytes()
    assert (finished / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_not_there_is_named(
    finished: Path, capfd: pytest.CaptureFixture[str], exit_code: Callable[..., int]
) -> None:
    assert exit_code(main, ["prunning"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: there is no figure 'prunning' in this run: known are effectiveness, ")
    assert "pruning" in error
    assert "trees_negation" in error
    assert exit_code(main, ["pruning", "nowhere"]) == 2
    assert capfd.readouterr().err == "error: there is no folder nowhere: make it, or name another\n"
    assert not list(finished.iterdir())
