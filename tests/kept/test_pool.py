"""Replicates of several makers in one folder: what is added, what is refused, and what all of them come to."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from outcomes_by_hand import write_model

from pipeline.commands import pool_results, verify_results
from pipeline.errors import InputError
from pipeline.kept import pool as pool_module
from pipeline.kept.folder import add, new_records, refuse_different
from pipeline.kept.pool import MADE, pool
from pipeline.kept.records import Item, collect, read_records, refuse_damaged
from pipeline.values.models import has, models_of
from pipeline.values.params import load_params, read_params
from pipeline.values.paths import SOURCE
from pipeline.values.store import write_json


@pytest.fixture
def params(workspace: Path):
    """The values of the working directory, in which `made` makes runs."""
    shutil.copy(SOURCE / "dvc.yaml", workspace)
    return read_params()


def run_of(folder: Path, *models: tuple[str, int], source: str = "x") -> Path:
    """What a run leaves of the models, and what the stage `source` has found."""
    for task, seed in models:
        write_model(folder, task, seed)
    for stage in Item("negation", 1).stages + Item(None, 1).stages:
        (folder / "outputs/source").mkdir(parents=True, exist_ok=True)
        (folder / f"outputs/source/{stage}.txt").write_text(f"{stage} {source}\n")
    return folder


def records_of(folder: Path, params, monkeypatch, *items: tuple[str | None, int], without=()):
    with monkeypatch.context() as inside:
        inside.chdir(folder)
        return [collect(Item(*item), params, without=without) for item in items]


@pytest.fixture
def kept(params, tmp_path, monkeypatch):
    """`kept(folder, run, *items)`: add items of a run to a folder."""

    def keep(folder: Path, run: Path, *items, **options) -> Path:
        records = new_records(folder, records_of(run, params, monkeypatch, *items, **options))
        add(folder, run, records)
        if not (folder / "params.yaml").is_file():
            shutil.copy("params.yaml", folder)
        return folder

    return keep


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_record_says_what_was_kept_and_where_it_is_from(params, tmp_path, monkeypatch):
    run = run_of(tmp_path / "run", ("negation", 1))
    facts = {"seconds": 5.5, "started": "2026-12-01", "machine": "a processor", "versions": {"torch": "2"}}
    write_json(run / "outputs/times/tree@negation-1.json", facts)
    (record,) = records_of(run, params, monkeypatch, ("negation", 1))
    assert record["stages"]["tree"] == facts
    assert {*record["stages"]["prune"].values()} == {None}  # what is not known
    assert "outputs/tree/negation-1/edges.parquet" in record["files"]
    assert record["values"]["tree"]["tau"] == 0.4
    assert {"tasks", "seeds", "preset", "run", "report", "figures"}.isdisjoint(record["values"])
    assert {"view", "analyse"}.isdisjoint(record["source"])


def test_a_stage_that_ran_from_other_source_than_there_is_now_is_not_kept(params, tmp_path, monkeypatch):
    run = run_of(tmp_path / "run", ("negation", 1))
    write_json(run / "outputs/times/tree@negation-1.json", {"source": "0" * 16})
    with pytest.raises(InputError, match=r"tree@negation-1 ran from other source .* dvc repro"):
        records_of(run, params, monkeypatch, ("negation", 1))


def test_in_a_kept_run_the_models_are_those_with_a_file(kept, tmp_path):
    run = run_of(tmp_path / "run", ("negation", 1), ("negation", 2), ("inference", 2))
    grid = [("negation", 1), ("negation", 2), ("inference", 1), ("inference", 2)]
    assert models_of(run, ["negation", "inference"], [1, 2]) == grid
    folder = kept(tmp_path / "kept", run, ("negation", 1))
    kept(folder, run, ("negation", 2), ("inference", 2), without=["shortcut"])
    assert models_of(folder, ["negation", "inference"], [1, 2]) == [grid[0], grid[1], grid[3]]
    assert models_of(folder, ["negation", "inference"], [1, 2], stage="shortcut") == [grid[0]]
    assert not has(folder, "1", "planted_paths")


def test_other_values_and_other_source_are_refused_by_name(kept, params, tmp_path, monkeypatch):
    run = run_of(tmp_path / "run", ("negation", 1), ("negation", 2))
    folder = kept(tmp_path / "kept", run, ("negation", 1))
    before = content(folder)
    values = params.model_dump(mode="json")
    values["tree"]["tau"] = 0.5
    values["figures"]["dpi"] = 90  # of no stage that measures
    others = records_of(run, load_params(values), monkeypatch, ("negation", 2))
    with pytest.raises(InputError, match=r"tree\.tau of negation-2 is 0\.5, but of negation-1 in .* 0\.4$"):
        new_records(folder, others)
    run_of(run, source="y")
    with pytest.raises(InputError, match=r"^stage prepare of negation-2 ran from other source than that of negation-1"):
        new_records(folder, records_of(run, params, monkeypatch, ("negation", 2)))
    with pytest.raises(InputError, match=r"tree\.tau of negation-2"):
        refuse_different(folder, [*read_records(folder), *others])  # as git would merge them
    assert content(folder) == before


def test_a_replicate_that_is_there_is_added_once_and_never_replaced(kept, params, tmp_path, monkeypatch):
    run = run_of(tmp_path / "run", ("negation", 1))
    folder = kept(tmp_path / "kept", run, ("negation", 1), (None, 1))
    assert new_records(folder, records_of(run, params, monkeypatch, ("negation", 1), (None, 1))) == []
    (run / "outputs/tree/negation-1/trees.json").write_text("{}")
    with pytest.raises(InputError, match=r"has negation-1 already, with another outputs/tree/negation-1/trees\.json"):
        new_records(folder, records_of(run, params, monkeypatch, ("negation", 1)))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_damaged_file_is_refused_by_name(kept, tmp_path, damage, capsys):
    run = run_of(tmp_path / "run", ("negation", 1))
    folder = kept(tmp_path / "kept", run, ("negation", 1))
    refuse_damaged(folder, read_records(folder))
    damage(folder / "outputs/tree/negation-1/edges.parquet")
    for command in (verify_results, pool_results):
        with pytest.raises(SystemExit) as end:
            command.main([str(folder)])
        assert end.value.code == 2
        said = capsys.readouterr().err
        assert "outputs/tree/negation-1/edges.parquet is " in said
        assert said.count("\n") == 1


def test_a_record_under_another_name_is_refused(kept, tmp_path):
    run = run_of(tmp_path / "run", ("negation", 1))
    folder = kept(tmp_path / "kept", run, ("negation", 1))
    file = folder / "outputs/replicates/negation-1.json"
    file.rename(file.with_name("negation-7.json"))
    with pytest.raises(InputError, match=r"negation-7\.json is damaged, or of another replicate"):
        read_records(folder)


@pytest.mark.slow
def test_halves_that_are_pooled_are_what_was_kept_at_once_and_a_task_may_lack_a_seed(kept, tmp_path, monkeypatch):
    """Two tasks, of which one has another seed, and shortcut and planted paths of one seed alone."""
    monkeypatch.setattr(pool_module, "STAGES", ("analyse", "tables"))  # outcomes by hand have nothing for the eye
    monkeypatch.setattr(pool_module, "MADE", MADE[:3])
    models = [("negation", 1), ("negation", 2), ("inference", 2)]
    run = run_of(tmp_path / "run", *models)
    at_once = kept(tmp_path / "at once", run, models[0], (None, 1))
    kept(at_once, run, *models[1:], without=["shortcut"])
    pool(at_once)
    # Another clone has the rest; git would add its files to those here.
    one = kept(tmp_path / "one", run, models[0], (None, 1))
    other = kept(tmp_path / "other", run, models[2], without=["shortcut"])
    pool(one)
    kept(other, run, models[1], without=["shortcut"])
    for part in ("outputs/replicates", *(f"outputs/{path.name}" for path in (other / "outputs").iterdir())):
        shutil.copytree(other / part, one / part, dirs_exist_ok=True)
    pool(one)
    assert content(one) == content(at_once)
    assert {name.split("/")[0] for name in content(one)} == {"params.yaml", "metrics", "outputs"}
    assert all((one / part).is_dir() for part in MADE[:3])
    records = json.loads((one / "outputs/analysis/finetune/records.json").read_text())["records"]
    assert [(record["task"], record["seed"]) for record in records] == models
    curves = pd.read_csv(one / "outputs/analysis/shortcut/pruned.csv")
    assert {*zip(curves["task"], curves["seed"], strict=True)} == {models[0]}
    assert {tuple(read_params(one / "params.yaml").seeds)} == {(1, 2)}
