import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wandb

from pipeline.launch.work import pipeline_run
from pipeline.tracking.jobs import track_job
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.tracking import shown_values, track
from pipeline.training.logger import training_logger
from pipeline.values.config import StageConfig
from pipeline.values.git import commit
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params

METRICS = {
    "task": "negation",
    "seed": 1,
    "n": 200,
    "auc": {"attribution/none": {"value": 83.25, "low": 80.5, "high": None}},
    "random": {"auc_mean": 1 / 3, "orders": 20},
}
ROWS = [{"method": "taylor", "rate": 0.0, "accuracy": 0.9}, {"method": "random", "rate": 0.5, "accuracy": 0.25}]
POINTS = [
    {"prune/rate": 0.0, "prune/taylor/accuracy": 0.9},
    {"prune/rate": 0.5, "prune/taylor/accuracy": 1 / 3, "prune/random/accuracy": 0.25},
]


def config(mode, **changes):
    params = compose_params(
        ["preset=mini_full", "seeds=[1]", f"run.tracking.mode={mode}", "run.tracking.project=a-project"]
    )
    given = {"stage": "prune", "declared": frozenset({"prune"}), "task": "negation", "seed": 1}
    return StageConfig(params, **{**given, **changes})


@pytest.fixture(autouse=True)
def own_wandb(tmp_path, monkeypatch):
    """W&B's files below a folder of the test, which has the project's graph; no key, no mode from outside."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wandb.teardown()  # which remembers the folders of another test
    yield
    wandb.teardown()


def read_back(run_file, *options):
    program = Path(sys.executable).with_name("wandb")
    result = subprocess.run(
        [program, "leet", "inspect", *options, "--json", run_file], capture_output=True, text=True, check=True
    )
    return result.stdout


def test_an_offline_run_read_back_holds_what_the_stage_gave_it(tmp_path):
    image = tmp_path / "figure.png"
    # The smallest PNG: one white pixel.
    image.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d494844520000000100000001080000000" + "03a7e9b55"
            "0000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
        )
    )
    page = tmp_path / "viewer.html"
    page.write_text("<p>a page</p>")
    for name in ("data", "models"):
        (tmp_path / "outputs" / name / "negation-1").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text("a lock")
    chosen = config("offline")
    with track(chosen) as tracker:
        tracker.table("rows", ROWS)
        tracker.table("none", [])
        tracker.series("prune/rate", POINTS)
        tracker.image("figure", image)
        tracker.html("page", page)
        tracker.summary(METRICS)
        Path("outputs/prune/negation-1").mkdir(parents=True)
        Path("outputs/prune/negation-1/outcomes.parquet").write_bytes(b"")
    (run_file,) = tmp_path.rglob("*.wandb")

    found = json.loads(read_back(run_file, "--summary"))
    assert (found["state"], found["exit_code"]) == ("finished", 0)
    assert (found["name"], found["project"]) == ("prune@negation-1", "a-project")
    nothing = hashlib.md5(b"[]").hexdigest()[:12]  # an empty folder, for DVC
    assert found["config"] == chosen.values() | {
        "task": "negation",
        "seed": 1,
        "git_commit": commit(),
        "dvc_lock": hashlib.sha256(b"a lock").hexdigest(),
        "run": chosen.run.model_dump(mode="json"),
        "inputs": [f"data-negation-1:{nothing}", f"models-negation-1:{nothing}"],
    }
    # Of lines there is no last value, and a table without rows is none.
    assert {*found["summary"]} - {"_step", "_runtime", "_timestamp", "_wandb"} == {*METRICS, "rows", "figure", "page"}
    assert {name: found["summary"][name] for name in METRICS} == METRICS

    files = run_file.parent / "files"
    table = json.loads((files / found["summary"]["rows"]["path"]).read_text())
    assert [dict(zip(table["columns"], row, strict=True)) for row in table["data"]] == ROWS
    assert (files / found["summary"]["figure"]["path"]).read_bytes() == image.read_bytes()
    assert (files / found["summary"]["page"]["path"]).read_text() == page.read_text()

    records = [json.loads(line) for line in read_back(run_file).splitlines()]
    (run,) = (record["run"] for record in records if record["type"] == "run")
    assert (run["run_group"], run["job_type"]) == (pipeline_run(chosen), "prune")
    history = [item for record in records if record["type"] == "history" for item in [record["history"]["item"]]]
    assert [point for line in history if (point := {k: v for k, v in line.items() if k.startswith("prune/")})] == POINTS
    axes = {one["metric"]["name"]: one["metric"].get("step_metric") for one in records if one["type"] == "metric"}
    assert axes["prune/taylor/accuracy"] == axes["prune/random/accuracy"] == "prune/rate"
    (artifact,) = (record["artifact"] for record in records if record["type"] == "artifact" and not is_table(record))
    assert (artifact["name"], artifact["type"]) == ("prune-negation-1", "outcomes")


def test_the_weights_are_named_as_the_run_found_them(monkeypatch):
    monkeypatch.chdir(SOURCE)
    params = compose_params(["preset=minilm", "model.name='my-{task}-{seed}'", "tasks=[sst2]", "seeds=[3]"])
    of_stage = {"declared": frozenset({"model", "finetune"}), "task": "sst2", "seed": 3}
    shown = shown_values(StageConfig(params, stage="finetune", **of_stage))
    assert shown["model"]["name"] == "my-sst2-3"
    over_all = StageConfig(params, stage="report", declared=frozenset({"model"}))
    assert shown_values(over_all)["model"]["name"] == "my-{task}-{seed}"


def is_table(record):
    return record["artifact"]["type"] == "run_table"


class FakeRun:
    """Notes what it is asked for, and fails if told so."""

    def __init__(self, failing=False):
        self.failing, self.logged, self.exit_codes, self.options = failing, [], [], {}
        self.summary = self

    def _take(self, value):
        self.logged.append(value)
        if self.failing:
            raise ConnectionError("the service is gone")

    def update(self, values):
        self._take(values)

    def log(self, values):
        self._take(values)

    def define_metric(self, name, **_):
        self._take(name)

    def log_artifact(self, artifact, aliases):
        self._take((artifact, aliases))

    def finish(self, exit_code=None):
        self.exit_codes.append(exit_code)
        if self.failing:
            raise ConnectionError("the service is gone")


@pytest.fixture
def fake(monkeypatch):
    run = FakeRun()

    def init(**options):
        run.options = options
        return run

    monkeypatch.setattr("wandb.init", init)
    return run


def test_the_jobs_of_a_sweep_are_told_apart_within_its_group(fake):
    folder = Path("sweeps/prune/prune.n_eval")
    with track(config("offline", output_root=folder / "seed=1,n_eval=4", sweep=folder)):
        pass
    assert {key: fake.options[key] for key in ("name", "group", "job_type")} == {
        "name": "seed=1,n_eval=4",
        "group": "sweeps/prune/prune.n_eval",
        "job_type": "prune",
    }


def use_all(tracker, tmp_path):
    tracker.summary(METRICS)
    tracker.table("rows", ROWS)
    tracker.series("prune/rate", POINTS)
    tracker.image("figure", tmp_path / "missing.png")
    tracker.html("page", tmp_path / "missing.html")


def test_init_that_fails_does_not_fail_the_stage(monkeypatch, tmp_path, caplog):
    def init(**_):
        raise RuntimeError("no socket")

    monkeypatch.setattr("wandb.init", init)
    done = []
    with caplog.at_level(logging.WARNING), track(config("offline")) as tracker:
        use_all(tracker, tmp_path)
        done.append(True)
    assert done
    assert tracker.run is None
    assert "no socket" in caplog.text


def test_a_run_that_breaks_does_not_fail_the_stage(fake, tmp_path, caplog):
    fake.failing = True
    with caplog.at_level(logging.WARNING), track(config("offline")) as tracker:
        use_all(tracker, tmp_path)
    assert METRICS in fake.logged
    assert fake.exit_codes == [0]
    assert "the service is gone" in caplog.text


def test_a_stage_that_fails_closes_its_run_as_failed(fake):
    with pytest.raises(KeyError, match="the stage's own"), track(config("offline")):
        raise KeyError("the stage's own")
    assert fake.exit_codes == [1]


def test_a_stage_that_fails_fails_with_its_own_error_even_if_the_run_breaks(fake):
    fake.failing = True
    with pytest.raises(KeyError, match="the stage's own"), track(config("offline")):
        raise KeyError("the stage's own")


def test_disabled_tracking_asks_nothing_of_wandb(monkeypatch, tmp_path):
    monkeypatch.setattr("wandb.init", lambda **_: pytest.fail("asked"))
    with track(config("disabled")) as tracker:
        use_all(tracker, tmp_path)
    use_all(Tracker(None), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dvc.yaml"]


@pytest.mark.parametrize(
    ("mode", "variable", "expected"),
    [
        ("offline", None, "offline"),
        ("online", None, "offline"),
        ("auto", None, "offline"),
        ("auto", "online", "offline"),
        ("auto", "", "offline"),
        ("auto", "offline", "offline"),
    ],
)
def test_the_mode_is_the_one_asked_for_and_offline_without_a_key(fake, monkeypatch, mode, variable, expected):
    if variable is not None:
        monkeypatch.setenv("WANDB_MODE", variable)
    with track(config(mode)):
        pass
    assert fake.options["mode"] == expected


def test_training_goes_on_where_its_curves_cannot_be_logged(fake, caplog):
    fake.failing = True
    with track(config("offline")) as tracker:
        logger = training_logger(tracker)
        with caplog.at_level(logging.WARNING):
            logger.log_metrics({"train_loss": 0.5}, 3)
    assert {"train_loss": 0.5, "trainer/global_step": 3} in fake.logged
    assert "the service is gone" in caplog.text
    assert training_logger(Tracker(None)) is None


def test_a_training_is_drawn_by_its_steps(tmp_path):
    with track(config("offline", stage="finetune")) as tracker:
        logger = training_logger(tracker)
        logger.log_metrics({"train_loss": 0.5}, 3)
        logger.log_metrics({"dev_accuracy": 0.75, "epoch": 0}, 4)
    (run_file,) = tmp_path.rglob("*.wandb")
    records = [json.loads(line) for line in read_back(run_file).splitlines()]
    axes = {one["metric"]["name"]: one["metric"].get("step_metric") for one in records if one["type"] == "metric"}
    assert axes == dict.fromkeys(("train_loss", "dev_accuracy"), "trainer/global_step") | {"trainer/global_step": None}
    lines = [one["history"]["item"] for one in records if one["type"] == "history"]
    assert [(line["trainer/global_step"], line.get("train_loss"), line.get("dev_accuracy")) for line in lines] == [
        (3, 0.5, None),
        (4, None, 0.75),
    ]


def test_wandb_mode_may_disable_it(monkeypatch):
    monkeypatch.setattr("wandb.init", lambda **_: pytest.fail("asked"))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with track(config("auto")) as tracker:
        assert tracker.run is None


def test_a_run_is_named_after_stage_task_and_seed(fake):
    group = pipeline_run(config("offline"))
    with track(config("offline")):
        pass
    assert (fake.options["name"], fake.options["group"]) == ("prune@negation-1", group)
    with track(config("offline", stage="figures", task=None, seed=None)):
        pass
    assert (fake.options["name"], fake.options["group"]) == ("figures", group)
    assert not {"task", "seed"} & {*fake.options["config"]}


def test_online_what_was_read_is_linked_as_far_as_it_is_known(fake, monkeypatch):
    linked = []

    def use_artifact(name):
        linked.append(name)
        raise ValueError("no such artifact")

    monkeypatch.setattr(fake, "use_artifact", use_artifact, raising=False)
    monkeypatch.setattr("pipeline.tracking.tracking.tracking_mode", lambda _: "online")
    for name in ("data", "models"):
        Path("outputs", name, "negation-1").mkdir(parents=True)
    with track(config("auto")):
        pass
    assert [name.partition(":")[0] for name in linked] == ["data-negation-1", "models-negation-1"]
    assert fake.exit_codes == [0]


def test_outside_of_a_sweep_a_measuring_stage_is_no_run(monkeypatch):
    monkeypatch.setattr("wandb.init", lambda **_: pytest.fail("asked"))
    with track_job(config("offline")) as tracker:
        assert tracker.run is None
