"""The entry of a pipeline run on W&B: what a kept run's overview holds, and what it must not hold."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb

from pipeline.report import main
from pipeline.reporting.overview import show_overview
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.tracking import tags, what_was_run
from pipeline.tracking.unpublished import WITHHELD, without_texts
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration, read_params
from pipeline.values.paths import SOURCE
from pipeline.values.store import read_json

KEPT = SOURCE / "results/mini"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The kept run as if it had just been made, with a page of examples for each task; W&B's files below."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(KEPT / "outputs", "outputs")
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    for task in ("negation", "inference"):
        Path(f"outputs/examples/{task}-1/viewer.html").write_text(f"<p>a text of {task}</p>")
    wandb.teardown()
    yield tmp_path
    wandb.teardown()


def config(**published: bool) -> StageConfig:
    params = read_params(KEPT / "params.yaml")
    tracking = params.run.tracking.model_copy(update={"mode": "offline"})
    params = params.model_copy(update={"run": params.run.model_copy(update={"tracking": tracking})})
    params._table = {
        name: task.model_copy(update={"published": published.get(name, task.published)})
        for name, task in params.table.items()
    }
    return StageConfig(params, stage="report", declared=read_declaration("report").sections)


def shown(place: Path) -> dict[str, str]:
    """By the start of its name what the run shows: pages and tables."""
    files = [*place.glob("wandb/offline-run-*/files/media/html/*"), *place.glob("wandb/offline-run-*/**/table/*")]
    return {path.name.rsplit("_", 2)[0]: path.read_text(encoding="utf-8") for path in files}


def triggers(task: str) -> set[str]:
    records = read_json(Path("outputs/analysis/triggers/records.json"))["records"]
    return {best["tokens"] for record in records if record["task"] == task for best in record["best"]}


def test_the_overview_has_claims_figures_examples_and_the_report(place: Path) -> None:
    main(config())
    found = shown(place)
    assert {*found} == {"findings", "viewer_negation", "viewer_inference", "report"}
    assert found["report"] == Path("outputs/report/index.html").read_text()
    judged = read_json(Path("outputs/analysis/claims/records.json"))["records"]
    table = json.loads(found["findings"])
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["id"], row["claim"]) for row in rows] == [(claim["id"], claim["claim"]) for claim in judged]
    assert all(row["verdict"] for row in rows)
    pictures = [*place.glob("wandb/offline-run-*/files/media/images/headline/*.png")]
    drawn = {path.read_bytes() for path in Path("outputs/figures").glob("*.png")}
    assert len(pictures) > 5
    assert {picture.read_bytes() for picture in pictures} <= drawn


def test_texts_that_may_not_be_published_stay_out(place: Path) -> None:
    main(config(negation=False))
    found = shown(place)
    assert "viewer_inference" in found
    assert "viewer_negation" not in found
    secret, free = ({one for one in triggers(task) if len(one) > 15} for task in ("negation", "inference"))
    report = Path("outputs/report/index.html").read_text()
    assert secret
    assert any(one in report for one in secret)  # the file on this machine has them
    assert not any(one in found["report"] for one in secret)
    assert WITHHELD in found["report"]
    assert any(one in found["report"] for one in free)


def test_of_a_closed_task_tokens_alone_are_withheld() -> None:
    row = {"task": "a", "n": 3, "best": [{"tokens": "x y", "class": "yes"}]}
    assert without_texts([row, {**row, "task": "b"}], {"a"}) == [
        {"task": "a", "n": 3, "best": [{"tokens": WITHHELD, "class": "yes"}]},
        {**row, "task": "b"},
    ]


def test_without_a_run_nothing_is_read() -> None:
    show_overview(Tracker(None), config(), context=None)  # type: ignore[arg-type]


def test_the_run_says_what_it_is_of(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {}

    def init(**given: Any) -> Any:
        options.update(given)
        raise RuntimeError("noted")

    monkeypatch.setattr("wandb.init", init)
    monkeypatch.setattr("pipeline.tracking.tracking.commit", lambda: None)
    main(config())
    assert (options["name"], options["job_type"], options["tags"]) == (
        "overview",
        "overview",
        ["mini_full", "negation", "inference"],
    )
    assert options["notes"] == "Preset mini_full on negation, inference, seeds 1, 2, 3, 4, 5, run outside of git."


def test_a_run_of_one_task_has_its_tag_alone() -> None:
    params = read_params(KEPT / "params.yaml")
    one = StageConfig(params, stage="prune", declared=frozenset(), task="negation", seed=1)
    assert tags(one) == ["mini_full", "negation"]


def test_notes_name_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.tracking.tracking.commit", lambda: "0123456789abcdef")
    assert what_was_run(config()).endswith("seeds 1, 2, 3, 4, 5, run at commit 0123456789ab.")
