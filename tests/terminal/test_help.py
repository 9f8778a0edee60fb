"""The help of every stage."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from pipeline.launch.cli import run_stage
from pipeline.terminal.listing import read_yaml
from pipeline.values.paths import SOURCE

GRAPH = yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]
VALUES = yaml.safe_load((SOURCE / "params.yaml").read_text())


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`shown(stage, flag)`: what a stage of this repository prints."""
    monkeypatch.chdir(SOURCE)

    def shown(stage: str, flag: str = "--help") -> str:
        monkeypatch.setattr(sys, "argv", [f"{stage}.py", "task=negation", flag])
        run_stage(stage, import_module(f"pipeline.{stage}").main)
        return capsys.readouterr().out

    return shown


@pytest.mark.parametrize("stage", sorted(GRAPH.keys() - {"source"}))
def test_it_says_what_the_stage_does_and_holds_its_values_alone(shown, stage: str) -> None:
    text = shown(stage)
    usage, _, values = text.partition("Values of this stage, from params.yaml:\n")
    assert f"python -m pipeline.{stage}" in usage
    assert (import_module(f"pipeline.{stage}").__doc__ or "").strip() in usage
    for name in ("task", "seed"):
        assert (f"{name}={name.upper()}" in usage.splitlines()[0]) == (name in GRAPH[stage].get("matrix", {}))
    dumped, _, codes = values.rpartition("\n\n")
    assert yaml.safe_load(dumped) == {
        name: VALUES[name] for name in GRAPH[stage].get("params", []) if str(name) in VALUES
    }
    assert codes.startswith("Exit codes: 0")
    assert shown(stage, "-h") == text


def test_a_stage_without_values_offers_none(shown) -> None:
    text = shown("source")
    assert text.startswith("usage: python -m pipeline.source\n\nWrite down what every other stage runs")
    assert "--multirun" not in text
    assert "SECTION" not in text
    assert "Values" not in text


def test_a_sweep_is_offered_by_the_stage_whose_values_it_varies(shown) -> None:
    assert "sweep=SWEEP" in shown("tree")
    assert "  tau  " in shown("tree")
    assert "  steps  " in shown("attribute")
    for stage in ("prune", "report"):
        assert "sweep" not in shown(stage).replace("sweeps/", "")


def test_values_that_cannot_be_read_are_one_line_and_2(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prune.py", "--help"])
    for spoil in (lambda path: path.write_text("- a list"), Path.unlink):
        spoil(Path("params.yaml"))
        with pytest.raises(SystemExit) as end:
            run_stage("prune", import_module("pipeline.prune").main)
        said = capsys.readouterr().err
        assert end.value.code == 2
        assert said.startswith("error: params.yaml ")
        assert said.count("\n") == 1


def test_a_yaml_file_is_read_as_any_reader_does() -> None:
    assert read_yaml(SOURCE / "dvc.yaml") == yaml.safe_load((SOURCE / "dvc.yaml").read_text())


def test_it_imports_neither_hydra_nor_what_checks_values() -> None:
    heavy = {"hydra", "omegaconf", "pydantic", "numpy", "torch", "tqdm"}
    code = (
        "import runpy, sys; sys.argv = ['prune.py', '--help']; "
        f"runpy.run_module('pipeline.prune', run_name='__main__'); print('heavy:', *({heavy} & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy:\n")
