import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.errors import InputError
from pipeline.values.config import StageConfig
from pipeline.values.params import read_params
from pipeline.values.paths import SOURCE
from pipeline.values.presets import overrides

Main = Callable[[StageConfig], None]
Run = Callable[..., int]
ARGUMENTS = ("task=negation", "seed=1")


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()} - {"dvc.yaml", "params.yaml"}


def test_a_run_by_hand_writes_to_a_folder_of_its_own(run: Run) -> None:
    assert run("prune", *ARGUMENTS, "prune.random_orders=30") == 0
    own = "scratch/prune/negation-1"
    # No folder of Hydra's, no log.
    assert files() == {f"{own}/outputs/prune/negation-1.txt", f"{own}/params.yaml"}
    assert Path(f"{own}/outputs/prune/negation-1.txt").read_text() == "30"
    assert read_params(Path(f"{own}/params.yaml")).prune.random_orders == 30


@pytest.mark.parametrize(
    ("given", "table"),
    [
        ("attribute.mine_min_tokens={}", {}),
        ("attribute.mine_min_tokens={rte: 9}", {"rte": 9}),
        ("attribute.mine_min_tokens=3", 3),
        ("attribute.mine_min_tokens.sst2=3", {"sst2": 3}),
        ("+attribute.mine_min_tokens={rte: 9}", {"sst2": 15, "rte": 9}),
    ],
)
def test_a_table_that_is_given_takes_the_place_of_the_one_in_params_yaml(run: Run, given: str, table: object) -> None:
    seen = []
    assert run("prepare", "task=negation", given, main=lambda config: seen.append(config.attribute)) == 0
    assert seen[0].mine_min_tokens == table


def test_each_job_of_a_sweep_has_its_own_table(run: Run) -> None:
    values = "attribute.mine_min_tokens={},{rte: 9},0"
    assert run("prepare", "-m", "launcher=serial", "task=negation", values) == 0
    made = sorted(Path("sweeps").rglob("params.yaml"))
    found = [read_params(path).attribute.mine_min_tokens for path in made]
    assert sorted(map(str, found)) == ["0", "{'rte': 9}", "{}"]


def test_a_stage_without_seed_or_task_is_run_without(run: Run) -> None:
    seen = []
    assert run("prepare", "task=inference", main=seen.append) == 0
    assert run("report", main=seen.append) == 0
    assert [str(config.output_root) for config in seen] == ["scratch/prepare/inference", "scratch/report"]


def test_under_dvc_a_stage_writes_its_outputs_how_long_it_took_and_nothing_else(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "prune@negation-1")
    assert run("prune", *ARGUMENTS) == 0
    assert files() == {"outputs/prune/negation-1.txt", "outputs/times/prune@negation-1.json"}


def test_another_stages_dvc_run_opens_no_outputs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "report")
    assert run("prune", *ARGUMENTS) == 0
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "line"),
    [
        ("prune", ["seed=1"], "task is missing; give task=<one of negation, inference>"),
        ("prune", ["task=negation"], "seed is missing; give seed=<one of 1>"),
        (
            "prune",
            ["task=cola", "seed=1"],
            "task is cola, but must be one of negation, inference (tasks in params.yaml)",
        ),
        ("prune", ["task=negation", "seed=2"], "seed is 2, but must be one of 1 (seeds in params.yaml)"),
        ("prune", ["task=negation", "seed=true"], "seed is True, but must be one of 1 (seeds in params.yaml)"),
        ("prune", ["task=negation", "seed=1.0"], "seed is 1.0, but must be one of 1 (seeds in params.yaml)"),
        ("prune", [*ARGUMENTS, "hydra.mode=2"], "hydra.mode cannot be set: "),
        ("prune", [*ARGUMENTS, "hydra.run.dir=1"], "hydra.run.dir cannot be set: "),
        ("prune", [*ARGUMENTS, "hydra.verbose=[1]"], "hydra.verbose cannot be set: "),
        ("prepare", ["task=negation", "seed=1"], "seed is 1, but stage prepare takes no seed"),
        ("report", ["task=negation"], "task is negation, but stage report takes no task"),
        ("tree", [*ARGUMENTS], "dvc.yaml has no stage tree"),
        ("prune", [*ARGUMENTS, "prune.rates=[0,1.2]"], "prune.rates[1] is 1.2, but must be at most 1.0"),
        ("prune", [*ARGUMENTS, "prune.random_order=20"], "prune.random_order is not a known key; "),
        ("prune", [*ARGUMENTS, "+prune.random_order=20"], "prune.random_order is not a known key; "),
        ("prune", [*ARGUMENTS, "zebra.tau=0.4"], "zebra is not a known key; "),
        ("prune", [*ARGUMENTS, "~prune.rates"], "prune.rates is missing"),
        ("prune", [*ARGUMENTS, "prune.rates"], "prune.rates cannot be read as KEY=VALUE: "),
        ("prune", [*ARGUMENTS, "prune.rates=["], "prune.rates=[ cannot be read as KEY=VALUE: "),
        ("prune", [*ARGUMENTS, "prune.n_eval=1,2"], "Ambiguous value for argument 'prune.n_eval=1,2'"),
        ("prune", [*ARGUMENTS, "finetune.lr=1"], "finetune.lr cannot change stage prune: dvc.yaml does not declare"),
        ("prune", [*ARGUMENTS, "+finetune.lr=1"], "finetune.lr cannot change stage prune: dvc.yaml does not declare"),
        ("prune", [*ARGUMENTS, "launcher=1"], "launcher is 1, but must be one of processes, serial, slurm"),
        ("prune", ["-m", *ARGUMENTS, "sweep=[tau]"], 'sweep is ["tau"], but must be one of steps, tau'),
        ("prune", ["-m", *ARGUMENTS, "prune.random_order=20,30"], "prune.random_order is not a known key; "),
    ],
)
def test_bad_input_is_one_line_and_2_before_any_work(
    run: Run, capfd: pytest.CaptureFixture[str], name: str, arguments: list[str], line: str
) -> None:
    started = []
    assert run(name, *arguments, main=started.append) == 2
    shown = capfd.readouterr().err
    assert shown.startswith(f"error: {line}")
    assert shown.count("\n") == 1
    assert started == []


@pytest.mark.parametrize("name", sorted(yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]))
def test_every_stage_refuses_what_it_does_not_know_with_one_line_and_2(
    run: Run, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.copy(SOURCE / "dvc.yaml", "dvc.yaml")
    for given, said in (("zebra.tau=1", "zebra is not a known key"), ("task=cola", "task is cola, but ")):
        started = []
        assert run(name, given, main=started.append) == 2
        shown = capfd.readouterr().err
        assert shown.startswith(f"error: {said}")
        assert shown.count("\n") == 1
        assert (started, files()) == ([], set())


def test_a_bad_params_yaml_is_one_line_and_2(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("steps: auto", "steps: 0"))
    assert run("prune", *ARGUMENTS) == 2
    line = "attribute.steps is 0, but must be auto or an integer of at least 1 and at most 10000"
    assert capfd.readouterr().err == f"error: {line}\n"


def test_bad_input_found_by_the_stage_is_one_line_and_2(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    class Refused(ValueError):
        """A ValueError of the library, which knows no InputError."""

    Refused.__module__ = "attattr.errors"

    def refuse(error: Exception) -> Main:
        def main(config: StageConfig) -> None:
            raise error

        return main

    for error in (InputError("no weights\nin x"), Refused("no weights in x")):
        assert run("prune", *ARGUMENTS, main=refuse(error)) == 2
        assert capfd.readouterr().err == "error: no weights in x\n"


def test_other_exceptions_keep_their_traceback(run: Run) -> None:
    def main(config: StageConfig) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug") as caught:
        run("prune", *ARGUMENTS, main=main)
    assert caught.traceback[-1].name == "main"


def test_reading_an_undeclared_section_ends_the_stage(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("prune", *ARGUMENTS, main=lambda config: print(config.finetune.lr)) == 2
    assert "stage prune reads finetune, but dvc.yaml does not declare it" in capfd.readouterr().err


@pytest.mark.parametrize("mode", [[], ["-m", "launcher=serial"]])
def test_a_stage_can_ask_for_what_differs_from_the_preset(run: Run, mode: list[str]) -> None:
    found = []
    assert run("report", *mode, "prune.n_eval=4", main=lambda config: found.extend(overrides(config.values()))) == 0
    assert found == [("seeds", [1, 2, 3, 4, 5], [1]), ("prune.n_eval", 100, 4)]


def test_the_log_level_is_the_one_of_run(run: Run) -> None:
    levels = []
    for level in ("WARNING", "DEBUG"):
        run("prune", *ARGUMENTS, f"run.log_level={level}", main=lambda _: levels.append(logging.getLogger().level))
    assert levels == [logging.WARNING, logging.DEBUG]


def test_help_shows_the_stages_values_and_no_others(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("prune", "--help") == 0
    shown = capfd.readouterr().out
    assert "python -m pipeline.prune -m" in shown
    assert "random_orders: 20" in shown
    assert "finetune" not in shown
    assert files() == set()


def test_ranks_and_trainer_options_of_the_shell_are_another_programs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    strays = {"RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "x", "PL_TRAINER_MAX_STEPS": "1"}
    for name, value in strays.items():
        monkeypatch.setenv(name, value)
    seen = []
    assert run("prune", *ARGUMENTS, main=lambda _: seen.append(strays.keys() & os.environ.keys())) == 0
    assert seen == [set()]


def test_the_command_line_is_light() -> None:
    heavy = {"torch", "transformers", "pytorch_lightning", "wandb"}
    code = f"import pipeline.launch.cli, pipeline.launch.stage, sys; print(*({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_as_a_process_a_stage_logs_to_stderr_and_ends_with_one_line(workspace: Path) -> None:
    Path("stage.py").write_text(
        "import logging\n"
        "from pipeline.errors import InputError\n"
        "from pipeline.launch.cli import run_stage\n"
        "log = logging.getLogger('stage')\n"
        "def main(config):\n"
        "    log.info('reads %s', config.prune.n_eval)\n"
        "    raise InputError('no weights')\n"
        "if __name__ == '__main__':\n"
        "    run_stage('prune', main)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    environment.pop("HYDRA_FULL_ERROR")

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "stage.py", *ARGUMENTS, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = start()
    assert (done.returncode, done.stdout) == (2, "")
    by_hand = "pipeline.launch.stage: by hand: what prune writes goes to scratch/prune/negation-1"
    assert re.sub(r"\d\d:\d\d:\d\d INFO", "", done.stderr) == f" {by_hand}\n stage: reads 100\nerror: no weights\n"
    assert start("run.log_level=WARNING").stderr == "error: no weights\n"


@pytest.mark.parametrize(
    ("given", "seen"),
    [("prune@negation-1", ("negation", 1)), ("sub/dvc.yaml:prune@inference-12", ("inference", 12))],
)
def test_dvcs_name_of_a_stage_says_its_task_and_seed(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: str, seen: tuple[str, int]
) -> None:
    configs: list[StageConfig] = []
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("seeds:\n- 1\n", "seeds:\n- 1\n- 12\n"))
    monkeypatch.setenv("DVC_STAGE", given)
    assert run("prune", main=configs.append) == 0
    assert [(config.task, config.seed, config.output_root) for config in configs] == [(*seen, Path())]
    monkeypatch.setenv("DVC_STAGE", "prepare@inference")
    assert run("prepare", main=configs.append) == 0
    assert configs[1].label == "inference"


@pytest.mark.parametrize(
    "item", ["negation-2", "1-negation", "negation-01", "negation-1; touch x", "../x-1", "negation"]
)
def test_a_name_that_params_yaml_does_not_make_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], item: str
) -> None:
    monkeypatch.setenv("DVC_STAGE", f"prune@{item}")
    assert run("prune") == 2
    line = f"error: DVC runs prune@{item}, but tasks and seeds of params.yaml make negation-1, inference-1\n"
    assert capfd.readouterr().err == line
    assert files() == set()
