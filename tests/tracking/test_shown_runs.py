"""The runs that `analyse` and the jobs of a sweep leave: read back, every number is one of the pipeline's files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import wandb
from outcomes_by_hand import write_model
from wandb_server import StandIn, stand_in

from pipeline.analyse import main
from pipeline.tracking.figure_data import FIGURE_DATA
from pipeline.tracking.jobs import track_job
from pipeline.tracking.tracked_files import CURVES, claim_rows
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json

Record = dict[str, Any]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with the outcomes of one model; W&B offline, its files below."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    write_model(tmp_path, "negation", 1)
    wandb.teardown()  # which remembers the folders of another test
    yield tmp_path
    wandb.teardown()


def config(stage: str, **changes: Any) -> StageConfig:
    params = compose_params(["preset=mini_full", "seeds=[1]", "tasks=[negation]", "run.tracking.mode=offline"])
    declared = read_declaration(stage).sections
    return StageConfig(params, stage=stage, declared=declared, **changes)


def read_back(folder: Path) -> StandIn:
    """What W&B makes of the offline runs: it reads their files, and sends every line and final value to its server."""
    with stand_in() as server:
        command = [sys.executable, "-m", "wandb", "sync", *folder.glob("offline-run-*")]
        environment = {**os.environ, "WANDB_BASE_URL": server.address, "WANDB_API_KEY": "k" * 40}
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return server


def lines_in(server: StandIn, run: str) -> list[Record]:
    """What was logged, call by call, without what W&B adds."""
    return [{name: one for name, one in line.items() if not name.startswith("_")} for line in server.lines[run]]


def test_every_number_of_a_run_is_that_of_the_pipelines_file(place: Path) -> None:
    main(config("analyse"))
    server = read_back(place / "wandb")
    runs = {run["displayName"]: name for name, run in server.runs.items()}
    models = {"planted_paths@1", *(f"{name}@negation-1" for name in (*CURVES, "prepare"))}
    assert {*runs} == {"analyse", *models} - {"receptive_field@negation-1", "planted_paths@negation-1"}
    assert len({run["groupName"] for run in server.runs.values()}) == 1

    drawn = 0
    for experiment, curves in CURVES.items():
        stage = {"receptive_field": "tree"}.get(experiment, experiment)
        points = lines_in(server, runs.get(f"{stage}@negation-1", ""))
        for one in curves:
            table = pd.read_csv(place / f"outputs/analysis/{experiment}/{one.table}.csv", keep_default_na=False)
            axis = f"{experiment}/{one.x}"
            logged = sorted(value for point in points if axis in point for name, value in point.items() if name != axis)
            written = [cell for name in one.values for cell in table[name] if cell != ""]
            assert logged == sorted(map(float, written)), (experiment, one.table)
            drawn += len(logged)
            for point in (point for point in points if axis in point):
                at = table[table[one.x] == point[axis]]
                for name, value in point.items():
                    if name != axis:
                        assert value in at[name.rpartition("/")[2]].astype(float).tolist(), (name, point)
    assert drawn > 200

    facts = read_json(place / "outputs/analysis/tree/records.json")["records"][0]
    found = server.summaries[runs["tree@negation-1"]]
    for name in ("n", "tau", "edges", "full_probability"):
        assert found[f"tree/{name}"] == facts[name]
    (row,) = (
        one
        for one in read_json(place / "outputs/analysis/tree/records.json")["statistics"]
        if (one["task"], one["name"]) == ("negation", "recovered/tree")
    )
    assert found["P6/recovered/tree/share"] == row["by_seed"][0]
    assert any(name.startswith("universality/") for name in server.summaries[runs["universality@negation-1"]])
    sizes = read_json(place / "outputs/data/negation-1/prepare.json")["examples"]
    found = server.summaries[runs["prepare@negation-1"]]
    assert {name: found[f"prepare/examples/{name}"] for name in sizes} == sizes

    assert f"{FIGURE_DATA}:latest" in server.artifacts
    found = server.summaries[runs["analyse"]]
    assert found["negation"] == read_json(place / "metrics/negation.json")
    judged = read_json(place / "outputs/analysis/claims/records.json")["records"]
    assert found["verdicts"] == {claim["id"]: claim["verdict"] for claim in judged}
    (table,) = (place / "wandb").rglob("files/media/table/claims*.json")
    assert len(json.loads(table.read_text())["data"]) == len(claim_rows(judged))


def test_a_sweeps_job_shows_what_it_came_to(place: Path) -> None:
    job = Path("sweeps/effectiveness/by-hand/n_eval=4")
    shutil.copytree("outputs/effectiveness", job / "outputs/effectiveness")
    with track_job(config("effectiveness", task="negation", seed=1, output_root=job, sweep=job.parent)):
        pass
    server = read_back(place / "wandb")
    ((name, run),) = server.runs.items()
    assert (run["groupName"], run["displayName"]) == ("sweeps/effectiveness/by-hand", "n_eval=4")
    points = [line for line in lines_in(server, name) if "effectiveness/k" in line]
    assert [point["effectiveness/k"] for point in points] == [0, 1, 2]
    assert points[0]["effectiveness/attribution_predicted/lowest_first/accuracy"] == 0.75
    assert "P3a/kept/attribution_predicted/points" in server.summaries[name]
    assert not server.artifacts  # DVC does not hold what it wrote


def test_tracking_that_breaks_does_not_fail_analyse(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError("the service is gone")

    monkeypatch.setattr("wandb.init", lambda **_: Broken())
    main(config("analyse"))
    assert (place / "metrics/negation.json").is_file()
