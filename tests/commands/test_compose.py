import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.compose import main
from pipeline.values.params import read_params
from pipeline.values.paths import SOURCE


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "glue").mkdir(parents=True)
    (folder / "models").mkdir()
    monkeypatch.setenv("ATTATTR_DATA", str(folder))
    return folder


def test_overrides_are_composed_and_the_header_says_how(workspace: Path, exit_code) -> None:
    assert exit_code(main, ["preset=mini", "trainer=gpu", "prune.random_orders=50", "seeds=[1,2]"]) == 0
    params = read_params()
    assert (params.prune.random_orders, params.seeds, params.run.trainer.accelerator) == (50, (1, 2), "gpu")
    command = "preset=mini trainer=gpu prune.random_orders=50 'seeds=[1,2]'"
    assert Path("params.yaml").read_text().startswith(f"# Composed by: python -m pipeline.commands.compose {command}\n")
    assert {path.name for path in workspace.iterdir()} == {"dvc.yaml", "params.yaml"}


def test_one_line_says_what_the_run_will_be(
    workspace: Path, capsys: pytest.CaptureFixture[str], exit_code, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    given = ["preset=mini", "tasks=[negation,inference]", "seeds=[1,2,3]"]
    assert exit_code(main, given) == 0
    # Of the workspace's stages one is run for each task, one for each model, one for all.
    said = "make repro runs 9 stages for 6 models (2 tasks x 3 seeds)"
    assert capsys.readouterr().out == f"{said}\n"
    entries = {
        name: {"cmd": "run"} for task in ("negation", "inference") for name in (f"prepare@{task}", f"prune@{task}-1")
    }
    Path("dvc.lock").write_text(json.dumps({"stages": entries}))
    Path("outputs/times").mkdir(parents=True)
    Path("outputs/times/repro.json").write_text(json.dumps(dict.fromkeys(entries, 60.0)))
    assert exit_code(main, given) == 0
    assert capsys.readouterr().out == f"{said}; about 8 minutes by earlier runs\n"
    assert exit_code(main, ["preset=mini", "tasks=[negation]", "seeds=[1]"]) == 0
    assert capsys.readouterr().out.startswith("make repro runs 3 stages for 1 model (1 task x 1 seed); ")


def test_params_yaml_may_be_a_link_and_keeps_its_mode(workspace: Path, tmp_path: Path, exit_code) -> None:
    own, values = Path("params.yaml"), tmp_path / "values.yaml"
    own.rename(values)
    values.chmod(0o600)
    own.symlink_to(values)
    assert exit_code(main, ["preset=mini", "seeds=[7]"]) == 0
    assert own.readlink() == values
    assert values.stat().st_mode & 0o777 == 0o600
    assert read_params().seeds == (7,)
    assert {path.name for path in workspace.iterdir()} == {"dvc.yaml", "params.yaml"}


def test_without_arguments_the_default_preset_is_composed(workspace: Path, exit_code) -> None:
    Path("params.yaml").unlink()
    assert exit_code(main, []) == 0
    assert read_params().preset == "mini"


def test_a_preset_from_a_folder_makes_the_link(data: Path, exit_code) -> None:
    assert exit_code(main, ["preset=minilm"]) == 0
    params = read_params()
    assert (params.data.dep, params.model.dep) == ("external/glue", "external/models/minilm-l6-h384")
    assert Path("external").resolve() == data


def test_a_preset_from_the_hub_needs_no_folder_and_no_network(workspace: Path, exit_code) -> None:
    assert exit_code(main, ["preset=paper", "finetune.precision=bf16-mixed"]) == 0
    assert read_params().data.dep == "outputs/source/nothing_outside.txt"
    assert not Path("external").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["preset=huge"], 'preset is "huge", but must be one of mini, mini_full, minilm, paper, study'),
        (["trainer=tpu"], 'trainer is "tpu", but must be one of cpu, ddp, gpu, slurm, torchrun'),
        (["preset=1"], "preset is 1, but must be one of mini, mini_full, minilm, paper, study"),
        (["preset=null"], "preset is null, but must be one of mini, mini_full, minilm, paper, study"),
        (["preset=[mini]"], 'preset is ["mini"], but must be one of mini, mini_full, minilm, paper, study'),
        (["preset={mini: 1}"], 'preset is {"mini": 1}, but must be one of mini, mini_full, minilm, paper, study'),
        (["preset='a\nb'"], 'preset is "a\\nb", but must be one of mini, mini_full, minilm, paper, study'),
        (["preset=../base"], 'preset is "../base", but must be one of mini, mini_full, minilm, paper, study'),
        (["trainer=true"], "trainer is true, but must be one of cpu, ddp, gpu, slurm, torchrun"),
        (["~preset"], "preset cannot be left out: it must be one of mini, mini_full, minilm, paper, study"),
        (["hydra/launcher=1"], "hydra/launcher is 1, but must be text"),
        (["zebra.tau=0.5"], "zebra is not a known key; known here: preset, tasks,"),
        (["prune.random_order=50"], "prune.random_order is not a known key; did you mean prune.random_orders?"),
        (["+prune.random_order=50"], "prune.random_order is not a known key; did you mean prune.random_orders?"),
        (["data.dep=elsewhere"], "data.dep cannot be set here"),
        (["attribute.steps=0"], "attribute.steps is 0, but must be auto or an integer of at least 1"),
        (["attribute.steps=many"], 'attribute.steps is "many", but must be auto or an integer of at least 1'),
        (["run.token_budget=0"], "run.token_budget is 0, but must be auto or an integer of at least 1"),
        (["prune.rates=[0,1.2]"], "prune.rates[1] is 1.2, but must be at most 1.0"),
        (["tasks=[cola]"], "tasks holds cola, but conf/tasks.yaml has negation, inference, mnli, rte, sst2, mrpc"),
        (["data=planted"], 'data is "planted", but must be a section'),
        (["model.source=3"], "model.source is 3, but must be one of scratch, folder, hub"),
        (["seeds=[1"], "seeds=[1 cannot be read as KEY=VALUE: "),
        (["mini"], "mini cannot be read as KEY=VALUE: "),
        (["preset=minilm"], "ATTATTR_DATA is not set"),
        (["finetune.epochs_for={}"], "finetune.epochs_for is not a known key; did you mean finetune.epochs?"),
        (["finetune.epochs={}"], "finetune.epochs is {}, but must hold negation or default"),
        (["finetune.epochs=[1]"], "finetune.epochs is [1], but must be an integer of at least 0, or a table"),
        (["preset=paper", "finetune.epochs.rte=4"], "finetune.epochs.rte cannot be set here: set finetune.epochs as"),
        (["prune.rates={}"], "prune.rates is {}, but must be a list"),
    ],
)
def test_bad_input_is_one_line_and_2_and_leaves_the_values_alone(
    workspace: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], line: str, exit_code
) -> None:
    before = Path("params.yaml").read_bytes()
    assert exit_code(main, arguments) == 2
    shown = capfd.readouterr()
    assert shown.err.startswith(f"error: {line}")
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert Path("params.yaml").read_bytes() == before
    assert {path.name for path in workspace.iterdir()} == {"dvc.yaml", "params.yaml"}


def test_a_missing_model_folder_leaves_the_values_alone(
    data: Path, capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    (data / "models").rmdir()
    before = Path("params.yaml").read_bytes()
    assert exit_code(main, ["preset=minilm"]) == 2
    assert "has no folder models/" in capfd.readouterr().err
    assert Path("params.yaml").read_bytes() == before


def test_the_command_is_light() -> None:
    code = "import pipeline.commands.compose, pipeline.commands.check, sys; print({'torch', 'wandb'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
