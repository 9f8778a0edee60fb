"""Figures drawn from what a run left on Weights & Biases alone: those of the run, or one line that says what lacks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb
from wandb.errors import CommError

from pipeline.commands.redraw import main
from pipeline.tracking.figure_data import FIGURE_DATA, figure_files
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.unpublished import WITHHELD
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration, read_params
from pipeline.values.paths import SOURCE

KEPT = SOURCE / "results/mini"


def config(**published: bool) -> StageConfig:
    params = read_params(KEPT / "params.yaml")
    params._table = {
        name: task.model_copy(update={"published": published.get(name, task.published)})
        for name, task in params.table.items()
    }
    declared = read_declaration("analyse").sections
    return StageConfig(params, stage="analyse", declared=declared, output_root=KEPT)


def logged(config: StageConfig) -> Any:
    """The artifact that the run `analyse` logs."""
    found: list[Any] = []
    Tracker(SimpleNamespace(log_artifact=found.append)).files(FIGURE_DATA, figure_files(config))
    (artifact,) = found
    return artifact


class Sent:
    """The artifact as a server gives it back: its files, which `verify` holds against the digests of its manifest."""

    type = FIGURE_DATA

    def __init__(self, artifact: Any, *, damaged: str | None = None) -> None:
        self.artifact, self.damaged = artifact, damaged

    def download(self, *, root: str) -> None:
        for name, entry in self.artifact.manifest.entries.items():
            target = Path(root) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(entry.local_path, target)
        if self.damaged:
            (Path(root) / self.damaged).write_text("{}")

    def verify(self, *, root: str) -> None:
        from wandb.sdk.lib.hashutil import md5_file_b64

        for name, entry in self.artifact.manifest.entries.items():
            if md5_file_b64(Path(root) / name) != entry.digest:
                raise ValueError(f"Digest mismatch for file: {name}")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`serve(runs)`: a server with these runs, each a list of its artifacts; what it is asked is noted."""
    monkeypatch.setattr("pipeline.commands.publishing.upload.log_in", lambda entity: entity or "someone")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))

    def serve(runs: list[list[Any]]) -> list[tuple[str, dict[str, Any]]]:
        asked: list[tuple[str, dict[str, Any]]] = []

        def found(place: str, **how: Any) -> list[Any]:
            asked.append((place, how))
            return [SimpleNamespace(logged_artifacts=lambda one=one: one) for one in runs]

        monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(runs=found))
        return asked

    return serve


def test_the_figures_are_those_of_the_run(serve: Any, tmp_path: Path) -> None:
    other = SimpleNamespace(type="statistics")
    asked = serve([[other, Sent(logged(config()))]])
    main(["mini_full-1", str(tmp_path / "new"), "--entity", "team", "--project", "p"])
    assert asked == [("team/p", {"filters": {"group": "mini_full-1", "jobType": "analyse"}, "order": "-created_at"})]
    drawn = sorted(path.name for path in (tmp_path / "new").glob("*.*g"))
    # Those of single examples need whole maps.
    of_run = {path.name for path in (KEPT / "outputs/figures").glob("*.*g")}
    of_run = {name for name in of_run if not name.startswith(("heatmap_", "trees_"))}
    assert {*drawn} == of_run
    assert len(drawn) > 30
    for name in drawn:
        assert (tmp_path / "new" / name).read_bytes() == (KEPT / "outputs/figures" / name).read_bytes(), name


def test_texts_of_a_closed_task_stay_out_and_nothing_else_changes() -> None:
    open_, closed = figure_files(config()), figure_files(config(negation=False))
    assert open_.keys() == closed.keys()
    changed = {name for name in open_ if open_[name] != closed[name]}
    places = {"records.json", "triggers.csv"}
    assert changed >= {f"outputs/analysis/triggers/{name}" for name in places}
    best = json.loads(open_["outputs/analysis/triggers/records.json"])["records"]
    secret = {one["tokens"] for row in best if row["task"] == "negation" for one in row["best"]}
    free = {one["tokens"] for row in best if row["task"] == "inference" for one in row["best"]}
    assert secret
    for name in places:
        text = closed[f"outputs/analysis/triggers/{name}"]
        assert WITHHELD in text
        assert not any(f'"{tokens}"' in text or f",{tokens}," in text for tokens in secret - free)
        assert any(tokens in text for tokens in free)
    for name in changed - {f"outputs/analysis/triggers/{one}" for one in places}:
        assert json.loads(open_[name]) == json.loads(closed[name])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_lacks_is_one_line_and_leaves_nothing(
    serve: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "place" / "new"
    serve([])
    assert "group g: there is no run of the stage analyse" in refused(capsys, "g", str(folder))
    serve([[SimpleNamespace(type="statistics")], []])
    assert "group g: no run analyse holds figure-data: send it again" in refused(capsys, "g", str(folder))
    damaged = "outputs/analysis/prune/records.json"
    serve([[Sent(logged(config()), damaged=damaged)]])
    assert f"what was sent is damaged: Digest mismatch for file: {damaged}" in refused(capsys, "g", str(folder))
    assert not folder.exists()
    assert not [*tmp_path.rglob(".new*")]
    folder.mkdir(parents=True)
    assert "is there already" in refused(capsys, "g", str(folder))


def test_a_server_that_does_not_answer_is_one_line(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Any:
        raise CommError("no route\nto host")

    monkeypatch.setattr(wandb, "Api", broken)
    assert refused(capsys, "g", str(tmp_path / "new")).endswith("group g cannot be asked for: no route to host")
