"""Publishing offline runs to a stand-in of W&B's server, and what it says where there is nothing to publish to."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from outcomes_by_hand import write_model
from wandb_server import OWNER, StandIn, stand_in

from pipeline.analyse import main as analyse
from pipeline.commands.publish import main
from pipeline.commands.publishing import whole
from pipeline.commands.publishing.upload import link, log_in, upload
from pipeline.data import network
from pipeline.tracking.tracking import track
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params

KEY = "k" * 40
OVERRIDES = [
    "preset=mini_full",
    "seeds=[1]",
    "tasks=[negation]",
    "run.tracking.mode=offline",
    "run.tracking.project=a-project",
]
MODEL = {"task": "negation", "seed": 1}
ARTIFACT = {"artifactTypeName": "data", "digest": "d"}


def config(stage: str, **model: Any) -> StageConfig:
    declared = read_declaration(stage).sections
    return StageConfig(compose_params(OVERRIDES), stage=stage, declared=declared, **model)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with the outcomes of one model, W&B's files below, and no key."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(network, "TIMEOUT", 0.5)
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    params = compose_params(OVERRIDES).model_dump(mode="json")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    wandb.teardown()
    yield tmp_path
    wandb.teardown()


@pytest.fixture
def tracked(place: Path) -> Path:
    """The same, with the offline runs of `finetune` and `analyse`."""
    write_model(place, "negation", 1)
    with track(config("finetune", **MODEL)):
        (place / "outputs/models/negation-1").mkdir(parents=True)
        (place / "outputs/models/negation-1/weights").write_bytes(b"weights")
    analyse(config("analyse"))
    wandb.teardown()
    return place


def test_offline_runs_arrive_whole_and_linked_and_once(
    tracked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., int]
) -> None:
    folders = sorted(path for path in tracked.glob("wandb/offline-run-*") if path.is_dir())
    with stand_in() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_MODE", "disabled")  # of tracking, not of this
        assert exit_code(main, []) == 0
        assert server.unknown == []
        out = capsys.readouterr().out
        assert f"{len(folders)} runs uploaded" in out
        assert f"{len(folders)} of {len(folders)} runs whole" in out
        assert {run["project"] for run in server.runs.values()} == {"a-project"}
        assert len({run["groupName"] for run in server.runs.values() if "groupName" in run}) == 1

        by_name = {run["displayName"]: name for name, run in server.runs.items() if "displayName" in run}
        assert len(by_name) == len(folders)
        table = (tracked / "outputs/analysis/effectiveness/curves.csv").read_text().splitlines()
        header, rows = table[0].split(","), [row.split(",") for row in table[1:]]
        written = sorted(float(row[header.index("accuracy")]) for row in rows)
        lines = server.lines[by_name["effectiveness@negation-1"]]
        assert sorted(v for line in lines for name, v in line.items() if name.endswith("/accuracy")) == written

        # data → model → scores → outcomes → statistics, each by the content that was read.
        read = {
            name: {artifact.partition(":")[0] for run, artifact in server.used if run == by_name[name]}
            for name in by_name
        }
        assert read["finetune@negation-1"] == {"data-negation-1"}
        assert read["attribute@negation-1"] == {"data-negation-1", "models-negation-1"}
        assert {"models-negation-1", "attributions-negation-1"} <= read["tree@negation-1"]
        assert {"tree-negation-1", "prune-negation-1"} <= read["analyse"]
        assert "analysis:latest" in server.artifacts

        (view,) = server.views.values()
        assert (view["entityName"], view["projectName"]) == (OWNER, "a-project")
        sections = [one["name"] for one in json.loads(view["spec"])["section"]["panelBankConfig"]["sections"]]
        assert sections[0] == "overview"
        assert {"finetune", "effectiveness", "tree", "analyse", "figures", "examples"} <= {*sections}
        assert sum(name.startswith(("P", "R", "N")) for name in sections) == 21

        before = (len(server.runs), len(server.used), len(server.views), server.streamed)
        wandb.teardown()
        assert exit_code(main, ["--project", "a-project"]) == 0
        assert "0 runs uploaded, 0 inputs linked" in capsys.readouterr().out
        assert (len(server.runs), len(server.used), len(server.views), server.streamed) == before


def lose_parts(server: StandIn, run: str) -> None:
    server.lines[run].pop()
    del server.summaries[run]["effectiveness/n"]
    server.artifacts = {key: one for key, one in server.artifacts.items() if not key.startswith("effectiveness-")}


def lose_the_run(server: StandIn, run: str) -> None:
    del server.runs[run]


def lose_the_end(server: StandIn, run: str) -> None:
    del server.states[run]


LOSSES = [
    (
        lose_parts,
        r"effectiveness@negation-1: 2 of 3 history steps, no summary of effectiveness/n, "
        r"no artifact effectiveness-negation-1:\w{12}",
    ),
    (lose_the_run, r"effectiveness@negation-1 is not there"),
    (lose_the_end, r"effectiveness@negation-1: its state is running, not finished"),
]


@pytest.mark.slow
def test_what_a_server_has_lost_is_named_and_sent_again(
    tracked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., int]
) -> None:
    monkeypatch.setattr(whole, "PAUSE", 0.0)
    folders = sorted(path for path in tracked.glob("wandb/offline-run-*") if path.is_dir())
    with stand_in() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        assert exit_code(main, []) == 0
        by_name = {run["displayName"]: name for name, run in server.runs.items() if "displayName" in run}
        (run,) = (name for shown, name in by_name.items() if shown == "effectiveness@negation-1")
        for lose, said in LOSSES:
            lose(server, run)
            capsys.readouterr()
            wandb.teardown()
            assert exit_code(main, []) == 2
            out, error = capsys.readouterr()
            assert f"{len(folders) - 1} of {len(folders)} runs whole" in out
            (line,) = error.strip().splitlines()
            assert re.fullmatch(rf"error: not whole in {OWNER}/a-project: {said}; send again with: wandb sync .*", line)
            command = line.partition("send again with: ")[2].split()
            assert command[-1].endswith(f"-{run}")
            subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
            assert whole.broken_runs(folders, entity=OWNER, project="a-project") == {}


def test_inputs_that_no_run_has_made_are_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data", "models"):
        (place / "outputs" / name / "negation-1").mkdir(parents=True)
    with track(config("attribute", **MODEL)):
        pass
    wandb.teardown()
    runs = [path for path in place.glob("wandb/offline-run-*") if path.is_dir()]
    with stand_in() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        to = {"entity": log_in(None), "project": "another"}
        assert upload(runs, **to) == 1
        linked, missing = link(runs, **to)
        assert (linked, [name.partition(":")[0] for name in missing]) == (0, ["data-negation-1", "models-negation-1"])
        assert {run["project"] for run in server.runs.values()} == {"another"}
        # Once their runs have arrived, the next call links them.
        server.artifacts |= {name: ARTIFACT | {"artifactCollectionName": name.partition(":")[0]} for name in missing}
        assert link(runs, **to) == (2, [])
        assert link(runs, **to) == (0, [])


def refused(exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> str:
    """What `publish` says, in one line."""
    assert exit_code(main, []) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.fixture
def with_a_run(place: Path) -> Path:
    (place / "wandb/offline-run-20260101_000000-abcd").mkdir(parents=True)
    return place


@pytest.mark.usefixtures("with_a_run")
def test_without_a_key(exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(exit_code, capsys) == "error: nothing is uploaded: W&B knows no key; give it one with: wandb login"


@pytest.mark.usefixtures("with_a_run")
def test_without_a_server(
    monkeypatch: pytest.MonkeyPatch, exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "nothing is uploaded: timed out" in refused(exit_code, capsys)


@pytest.mark.usefixtures("place")
def test_without_runs(exit_code: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(exit_code, capsys) == "error: wandb/ holds no runs; make some with: dvc repro"
