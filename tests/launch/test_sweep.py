"""Multiruns: which jobs there are, what each leaves, what a failure, a crash and a second call do."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from source_by_hand import edit_source, without_pins

from pipeline.errors import InputError
from pipeline.launch.sweep import Sweep, plan_sweep
from pipeline.launch.sweep_jobs import read_jobs
from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration, load_params, plain, read_params
from pipeline.values.paths import PRESETS, SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.schema import Params
from pipeline.values.store import write_json

Run = Callable[..., int]
SERIAL = ("-m", "launcher=serial")
ORDERS = Path("sweeps/prune/prune.random_orders")
BY_HAND = Path("sweeps/prune/by-hand/task=negation,seed=1,random_orders=20")
SWEEPS = sorted(path.stem for path in (PRESETS / "sweep").glob("*.yaml"))


class Stage:
    """A stage that notes its runs and writes outcomes; it fails where `fails` says how."""

    def __init__(self, **fails: Exception | type[BaseException]) -> None:
        self.runs: list[str] = []
        self.fails = fails

    def __call__(self, config: StageConfig) -> None:
        orders = config.prune.random_orders
        self.runs.append(f"{config.label} {orders}")
        if f"at_{orders}" in self.fails:
            raise self.fails[f"at_{orders}"]
        write_json(config.output_root / "outputs/prune" / f"{config.label}.json", {"orders": orders})
        (config.output_root / "result.txt").write_text(str(orders))


def record(job: str, folder: Path = ORDERS) -> dict[str, Any]:
    return json.loads((folder / job / "job.json").read_text())


def plan(*arguments: str, stage: str = "prune", matrix: tuple[str, ...] = ("task", "seed")) -> Sweep:
    """The jobs of a command line, without Hydra."""
    declaration = Declaration(frozenset({stage}), frozenset(matrix), ())
    return plan_sweep(stage, ["-m", *arguments], declaration, two_seeds())


@cache
def two_seeds() -> Params:
    return compose_params(["preset=mini", "seeds=[1,2]"])


# Which jobs there are.


def test_every_task_and_seed_runs_unless_some_are_named() -> None:
    every = [(task, seed) for task in ("negation", "inference") for seed in ("1", "2")]
    assert [(job["task"], job["seed"]) for job in plan().jobs.values()] == every
    assert [(job["task"], job["seed"]) for job in plan("task=inference", "seed=2,1").jobs.values()] == [
        ("inference", "2"),
        ("inference", "1"),
    ]
    assert [job.keys() for job in plan(matrix=("task",)).jobs.values()] == [{"task"}] * 2
    assert plan("prune.n_eval=3", matrix=()).jobs == {"n_eval=3": {"prune.n_eval": "3"}}


def test_sweeps_have_folders_by_their_name_or_by_what_they_sweep() -> None:
    assert plan("sweep=steps", stage="attribute").folder == Path("sweeps/attribute/steps")
    assert plan("prune.n_eval=1,2", "prune.random_orders=20", "task=negation,inference").folder == Path(
        "sweeps/prune/prune.n_eval"
    )
    assert plan("prune.random_orders=21,22", "prune.n_eval=3,4").folder == Path(
        "sweeps/prune/prune.n_eval+prune.random_orders"
    )
    assert plan("task=negation").folder == Path("sweeps/prune/by-hand")


def test_the_command_line_goes_before_the_values_of_the_sweep() -> None:
    jobs = plan("sweep=steps", "attribute.steps=7,9", "task=negation", "seed=1", stage="attribute").jobs
    assert [job["attribute.steps"] for job in jobs.values()] == ["7", "9"]
    assert {job["attribute.n_mine"] for job in jobs.values()} == {"0"}


def test_what_cannot_change_a_result_tells_no_jobs_apart_unless_it_is_swept() -> None:
    plain = plan("prune.n_eval=1,2").jobs
    assert plan("prune.n_eval=1,2", "run.workers=2", "launcher=serial").jobs == plain
    assert plan("prune.n_eval=1,2", "run.workers=1,2").jobs.keys().isdisjoint(plain)


def test_two_jobs_with_the_same_values_are_refused() -> None:
    with pytest.raises(InputError, match="same values"):
        plan("prune.n_eval=1,1")


def test_odd_and_long_values_have_folders_of_their_own() -> None:
    values = ["'a/b'", "'a b'", "[0,1]", "[0,0.5,1]", "'../..'", "'ä'", "'ö'", "x" * 300, "x" * 301, "null", "1e-05"]
    sweep = plan(f"prune.rates={','.join(values)}", "task=negation", "seed=1")
    assert len(sweep.jobs) == len(values)
    for name in sweep.jobs:
        assert re.fullmatch(r"[\w.,=+-]{1,120}", name, re.ASCII)
    assert "task=negation,seed=1,rates=1e-05" in sweep.jobs
    # A job finds its own name from what Hydra hands it, in any order, with what tells no jobs apart.
    for name, job in sweep.jobs.items():
        assert sweep.name(["run.workers=3", *(f"{key}={value}" for key, value in reversed(job.items()))]) == name


@pytest.mark.parametrize("name", SWEEPS)
def test_the_values_of_every_sweep_are_allowed(name: str) -> None:
    values = OmegaConf.load(PRESETS / "sweep" / f"{name}.yaml").hydra.sweeper.params
    graph = yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]
    for key, texts in values.items():
        assert key.split(".")[0] in graph
        for text in str(texts).split(","):
            params = OmegaConf.create(two_seeds().model_dump(mode="json"))
            OmegaConf.update(params, key, OmegaConf.create(f"value: {text}").value)
            load_params(plain(params))


def test_the_sweeps_of_the_paper_are_there() -> None:
    values = {name: OmegaConf.load(PRESETS / "sweep" / f"{name}.yaml").hydra.sweeper.params for name in SWEEPS}
    assert [float(tau) for tau in values["tau"]["tree.tau"].split(",")] == [tenth / 10 for tenth in range(10)]
    assert values["steps"]["attribute.steps"].split(",") == ["auto", "2", "3", "5", "8", "12", "20", "32", "64"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["-m", "sweep=tau"], "the sweep's tree.tau cannot change stage prune: dvc.yaml does not declare tree in "),
        (["-m", "sweep=rho"], f'sweep is "rho", but must be one of {", ".join(SWEEPS)}'),
        (["-m", "sweep=tau,steps"], "sweep is tau,steps, but must be one of "),
        (["sweep=steps"], "sweep=steps needs -m: "),
        (["-m", "launcher=ssh"], 'launcher is "ssh", but must be one of processes, serial, slurm'),
        (["-m", "hydra.sweep.dir=outputs"], "hydra.sweep.dir cannot be set: sweeps go to sweeps/prune/<name>"),
        (
            ["-m", "hydra.launcher.tasks_per_node=2"],
            "hydra.launcher.tasks_per_node is 2, but must be 1, as all would do ",
        ),
        (["-m", "+hydra.launcher.nodes=4"], "hydra.launcher.nodes is 4, but must be 1, as all would do the whole job"),
        (["-m", "prune.n_eval=1,1"], "two jobs of the sweep have the same values"),
        (["-m", "prune.n_eval=interval(0,1)"], "prune.n_eval=interval(0,1) has no values; give them: "),
    ],
)
def test_bad_sweeps_are_one_line_and_2_before_any_work(
    run: Run, capfd: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    stage = Stage()
    assert run("prune", *arguments, main=stage) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: {line}")
    assert said.count("\n") == 1
    assert stage.runs == []
    assert not list(Path().rglob("job.json"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["prune.random_order=20,30"],
        ["prune.random_orders=20,30", "prun.n_eval=20"],
        ["trainr=gpu,cpu"],
        ["trainer=tpu", "prune.random_orders=20,30"],
        ["prune.random_orders=a,b"],
        ["prune.random_orders=1,2"],
        ["prune.random_orders=20,30", "task=cola"],
        ["prune.random_orders=20,30", "jobs_at_once=0"],
    ],
)
@pytest.mark.parametrize("launcher", ["serial", "processes"])
def test_a_sweep_that_is_refused_leaves_nothing(
    run: Run, capfd: pytest.CaptureFixture[str], arguments: list[str], launcher: str
) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() if path.is_file() else b"" for path in Path().rglob("*")}

    before = files()
    assert run("prune", "-m", f"launcher={launcher}", *arguments) == 2
    assert files() == before
    assert all(line.startswith("error: ") for line in capfd.readouterr().err.splitlines())


def test_a_refused_sweep_leaves_an_earlier_one_as_it_was(run: Run) -> None:
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=20,30", main=Stage()) == 0
    before = {path: path.read_bytes() for path in Path("sweeps").rglob("*") if path.is_file()}
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=10,11", main=Stage()) == 2
    assert {path: path.read_bytes() for path in Path("sweeps").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "flags", [["-m", "--cfg", "job"], ["--multirun", "-c=job"], ["--cfg=job", "hydra.mode=MULTIRUN"]]
)
def test_the_values_of_every_job_are_shown_and_none_is_run(
    run: Run, capfd: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    stage = Stage()
    assert run("prune", *flags, "task=negation,inference", "prune.random_orders=20,30", main=stage) == 0
    shown = capfd.readouterr()
    jobs = [(task, orders) for task in ("negation", "inference") for orders in (20, 30)]
    names = [f"task={task},seed=1,random_orders={orders}" for task, orders in jobs]
    assert [line[2:] for line in shown.out.splitlines() if line.startswith("# ")] == names
    found = [yaml.safe_load(text) for text in re.split("(?m)^# .*$", shown.out)[1:]]
    assert [(values["task"], values["prune"]["random_orders"]) for values in found] == jobs
    assert shown.err == ""
    assert stage.runs == []
    assert {path.name for path in Path().iterdir()} == {"dvc.yaml", "params.yaml"}


SHOWN = ("prune.random_orders=20,30", "seed=1")


@pytest.mark.parametrize("flags", [["--cfg", "hydra", *SHOWN], ["--cfg", "all", *SHOWN], ["--help"]])
def test_whatever_is_shown_nothing_is_counted(run: Run, capfd: pytest.CaptureFixture[str], flags: list[str]) -> None:
    assert run("prune", "-m", *flags, main=Stage()) == 0
    shown = capfd.readouterr()
    assert len(shown.out.splitlines()) > 10
    assert "have finished" not in shown.err
    assert not Path("sweeps").exists()


# What a job leaves.


def test_a_multirun_writes_to_sweeps_only_even_under_dvc(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "prune@negation-1")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert run("prune", *SERIAL, "prune.random_orders=20,30", "run.log_level=WARNING") == 0
    assert {path.name for path in Path().iterdir()} == {*before, "sweeps"}
    assert {name: Path(name).read_bytes() for name in before} == before
    jobs = {(task, orders) for task in ("negation", "inference") for orders in (20, 30)}
    assert {path.name for path in ORDERS.iterdir()} == {"sweep.json"} | {
        f"task={task},seed=1,random_orders={orders}" for task, orders in jobs
    }
    for task, orders in jobs:
        folder = ORDERS / f"task={task},seed=1,random_orders={orders}"
        assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
            "job.json",
            "params.yaml",
            f"outputs/prune/{task}-1.txt",
        }
        assert (folder / f"outputs/prune/{task}-1.txt").read_text() == str(orders)
        assert read_params(folder / "params.yaml").prune.random_orders == orders


def test_a_job_records_its_overrides_and_its_result(run: Run) -> None:
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=20,30", main=Stage()) == 0
    found = record("task=negation,seed=1,random_orders=30")
    assert found["overrides"] == {"task": "negation", "seed": "1", "prune.random_orders": "30"}
    assert (found["status"], [*found["files"]]) == (
        "finished",
        ["outputs/prune/negation-1.json", "params.yaml", "result.txt"],
    )
    (_, job) = read_jobs(ORDERS)
    assert job.status == "finished"


def test_a_job_whose_result_is_damaged_runs_again_with_a_word(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    arguments = (*SERIAL, "task=negation", "prune.random_orders=20,30")
    assert run("prune", *arguments, main=stage) == 0
    result = ORDERS / "task=negation,seed=1,random_orders=30/outputs/prune/negation-1.json"
    whole = result.read_bytes()
    result.write_bytes(whole.replace(b"30", b"31"))
    caplog.clear()
    assert run("prune", *arguments, main=stage) == 0
    assert stage.runs == ["negation-1 20", "negation-1 30", "negation-1 30"]
    assert result.read_bytes() == whole
    assert [line for line in caplog.messages if "damaged" in line] == [
        f"{result} is damaged or missing: its job runs again"
    ]


def test_a_damaged_record_of_a_job_is_named_in_one_line(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = (*SERIAL, "task=negation", "prune.random_orders=20")
    assert run("prune", *arguments, main=Stage()) == 0
    path = BY_HAND / "job.json" if BY_HAND.exists() else next(ORDERS.glob("*/job.json"))
    path.write_text(path.read_text().replace("finished", "fini5hed"))
    capfd.readouterr()
    assert run("prune", *arguments, main=Stage()) == 2
    assert f"{path} is damaged: delete its folder and run the sweep again" in capfd.readouterr().err


def test_failed_jobs_are_named_and_the_others_finish(
    run: Run, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(at_30=RuntimeError("out of\nmemory"), at_31=InputError("no weights"))
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=30,31,32", main=stage) == 1
    assert len(stage.runs) == 3
    crash, refusal = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert crash.exc_info
    assert not refusal.exc_info
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert lines == [
        "error: task=negation,seed=1,random_orders=30 failed: out of memory",
        "error: task=negation,seed=1,random_orders=31 failed: no weights",
    ]
    assert [record(f"task=negation,seed=1,random_orders={n}")["status"] for n in (30, 31, 32)] == [
        "failed",
        "failed",
        "finished",
    ]


def test_bad_input_alone_ends_a_sweep_with_2(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("prune", *SERIAL, "task=negation,cola", "prune.random_orders=19,20", main=Stage()) == 2
    said = capfd.readouterr().err
    assert "error: task=negation,seed=1,random_orders=19 failed: prune.random_orders is 19, but must be at" in said
    assert "error: task=cola,seed=1,random_orders=20 failed: task is cola, but must be one of" in said
    assert said.count("error: ") == 3
    assert "Traceback" not in said


# A second call.


def test_a_second_call_runs_what_is_not_finished(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (*SERIAL, "task=negation", "prune.random_orders=20,30")
    first = Stage(at_30=RuntimeError("out of memory"))
    assert run("prune", *arguments, main=first) == 1
    second = Stage()
    caplog.clear()
    assert run("prune", *arguments, "prune.random_orders=20,30,40", "run.workers=1", main=second) == 0
    assert second.runs == ["negation-1 30", "negation-1 40"]
    assert [entry.getMessage() for entry in caplog.records if "before" in entry.getMessage()] == [
        "task=negation,seed=1,random_orders=20 has finished before"
    ]


def change_value(folder: Path) -> None:
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("n_eval: 100", "n_eval: 90"))


def change_input(folder: Path) -> None:
    (folder / "outputs/models/negation-1/weights").write_text("other")


def change_source(folder: Path) -> None:
    edit_source(folder / "pipeline/prune.py", "x = 2\n")


def lose_the_result(folder: Path) -> None:
    (BY_HAND / "outputs/prune/negation-1.json").unlink()


def change_what_it_does_not_read(folder: Path) -> None:
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("lr: 0.001", "lr: 0.002"))
    (folder / "outputs/models/inference-1/weights").write_text("other")
    edit_source(folder / "pipeline/tree.py", "x = 2\n")


def test_what_a_run_left_that_was_stopped_when_its_job_had_just_finished_is_removed(run: Run) -> None:
    arguments = ("-m", "prune.random_orders=20", "task=negation", "seed=1")
    assert run("prune", *arguments) == 0
    (record,) = Path("sweeps").rglob("job.json")
    left = record.parent.with_name(f".{record.parent.name}")
    left.mkdir()
    assert run("prune", *arguments) == 0
    assert not left.exists()


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (change_value, True),
        (change_input, True),
        (change_source, True),
        (lose_the_result, True),
        (change_what_it_does_not_read, False),
    ],
)
def test_a_finished_job_runs_again_where_it_would_find_something_else(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], again: bool
) -> None:
    without_pins(workspace)
    monkeypatch.setattr("pipeline.launch.work.SOURCE", workspace)
    graph = yaml.safe_load(Path("dvc.yaml").read_text())
    graph["stages"]["prune"]["deps"] = ["pipeline/prune.py", "outputs/models/${item.task}-${item.seed}"]
    Path("dvc.yaml").write_text(yaml.safe_dump(graph))
    for file in ("pipeline/prune.py", "pipeline/tree.py", "outputs/models/negation-1/weights"):
        (workspace / file).parent.mkdir(parents=True, exist_ok=True)
        (workspace / file).write_text("x = 1\n")
    shutil.copytree("outputs/models/negation-1", "outputs/models/inference-1")
    arguments = (*SERIAL, "task=negation", "prune.random_orders=20")
    assert run("prune", *arguments, main=Stage()) == 0
    left = BY_HAND / "left"
    left.write_text("by the first call")
    change(workspace)
    stage = Stage()
    assert run("prune", *arguments, main=stage) == 0
    assert bool(stage.runs) == again
    assert left.exists() != again


def test_an_interrupted_job_is_not_finished(run: Run) -> None:
    arguments = (*SERIAL, "task=negation", "prune.random_orders=20,30,40")
    with pytest.raises(KeyboardInterrupt):
        run("prune", *arguments, main=Stage(at_30=KeyboardInterrupt))
    assert [job.status for job in read_jobs(ORDERS)] == ["finished", "unfinished", "unfinished"]
    stage = Stage()
    assert run("prune", *arguments, main=stage) == 0
    assert stage.runs == ["negation-1 30", "negation-1 40"]


def test_what_an_earlier_call_left_is_told_apart(run: Run) -> None:
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=20,30", main=Stage()) == 0
    assert run("prune", *SERIAL, "task=negation", "prune.random_orders=30,40", main=Stage()) == 0
    assert {job.overrides["prune.random_orders"]: job.status for job in read_jobs(ORDERS)} == {
        "20": "finished earlier",
        "30": "finished",
        "40": "finished",
    }


# Launchers.


@pytest.mark.parametrize(
    ("launcher", "accelerator", "kind", "settings"),
    [
        ("processes", "cpu", "BasicLauncher", {}),
        ("serial", "cpu", "BasicLauncher", {}),
        ("slurm", "cpu", "SlurmLauncher", {"timeout_min": 240, "cpus_per_task": 4, "mem_gb": 16}),
    ],
)
def test_every_launcher_composes(launcher: str, accelerator: str, kind: str, settings: dict[str, int]) -> None:
    sweep = plan("prune.n_eval=1", "task=negation", "seed=1")
    node = {"run": {"trainer": {"accelerator": accelerator}}, "hydra": sweep.hydra()}
    ConfigStore.instance().store(name="params", node=OmegaConf.create(node))
    with initialize_config_dir(str(PRESETS), version_base="1.3"):
        config = compose("config", overrides=[f"launcher={launcher}"], return_hydra_config=True)
    assert config.hydra.launcher._target_.endswith(f".{kind}")
    assert {key: config.hydra.launcher[key] for key in settings} == settings


def test_without_slurm_every_job_is_named(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    if shutil.which("srun"):
        pytest.skip("there is SLURM here")
    assert run("prune", "-m", "launcher=slurm", "task=negation", "prune.n_eval=1,2", main=Stage()) == 1
    said = capfd.readouterr().err
    assert [line for line in said.splitlines() if line.startswith("error: ")] == [
        "error: task=negation,seed=1,n_eval=1 has not finished",
        "error: task=negation,seed=1,n_eval=2 has not finished",
    ]
    assert "Traceback" not in said


# With processes of their own.

SCRIPT = """\
import logging, os, time
from pathlib import Path
from pipeline.launch.cli import run_stage
from pipeline.values.store import write_json

def wait_for(name):
    for _ in range(3000):
        if Path(name).exists():
            return
        time.sleep(0.01)
    raise RuntimeError(f"{name} did not come")

def main(config):
    orders = config.prune.random_orders
    Path(f"started-{orders}").write_text(f"{os.getpid()} {os.environ.get('OMP_NUM_THREADS')}")
    logging.getLogger("stage").info("works on %d", orders)
    if orders in (20, 21):
        wait_for(f"started-{41 - orders}")  # each other: they run at once
    if orders == 30:
        raise RuntimeError("out of memory")
    if orders == 31:
        wait_for("started-32")
        os._exit(9)
    if orders in (32, 40):
        wait_for("released")
    write_json(config.output_root / "outputs/prune.json", {"orders": orders})

if __name__ == "__main__":
    run_stage("prune", main)
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    Path("stage.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    environment.pop("OMP_NUM_THREADS", None)
    command = [sys.executable, "stage.py", "-m", "task=negation", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_jobs_run_at_once_share_the_cores_and_survive_one_that_is_killed(workspace: Path) -> None:
    Path("released").touch()
    process = start("prune.random_orders=20,21,30,31,32,33", "jobs_at_once=2")
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 1
    (one, threads), (other, _) = (Path(f"started-{orders}").read_text().split() for orders in (20, 21))
    assert one != other
    assert int(threads) == max(1, joblib.cpu_count() // 2)
    status = {job.overrides["prune.random_orders"]: job.status for job in read_jobs(ORDERS)}
    assert status == dict.fromkeys(("20", "21", "32", "33"), "finished") | dict.fromkeys(("30", "31"), "failed")
    assert "error: task=negation,seed=1,random_orders=30 failed: out of memory\n" in said
    assert "error: task=negation,seed=1,random_orders=31 failed: its process ended with code 9\n" in said
    assert re.search(r"\d\d:\d\d:\d\d INFO stage: works on 20\n", said)


def test_a_sweep_that_was_killed_goes_on_where_it_was(workspace: Path) -> None:
    arguments = ("prune.random_orders=20,40,41", "launcher=serial")
    Path("started-21").touch()
    process = start(*arguments)
    while not Path("started-40").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    status = {job.overrides["prune.random_orders"]: job.status for job in read_jobs(ORDERS)}
    assert status == {"20": "finished", "40": "unfinished", "41": "unfinished"}
    Path("started-20").unlink()
    Path("released").touch()
    again = start(*arguments)
    again.communicate(timeout=100)
    assert again.returncode == 0
    assert not Path("started-20").exists()
    assert {job.status for job in read_jobs(ORDERS)} == {"finished"}
