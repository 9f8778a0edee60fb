"""What the measuring stages wrote, found by task and seed."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.analysis.outcomes import Model, Outcomes
from pipeline.errors import InputError
from pipeline.values.store import write_columns, write_json, write_rows

MODEL = Model("negation", 1)

READ = {
    "outputs/prune/negation-1/outcomes.parquet": ("prune", lambda o: o.table("prune", MODEL)),
    "outputs/tree/negation-1/edges.parquet": ("tree", lambda o: o.table("tree", MODEL, name="edges")),
    "outputs/triggers/negation-1/triggers.parquet": ("triggers", lambda o: o.rows("triggers", MODEL, name="triggers")),
    "outputs/predictions/negation-1.parquet": ("finetune", lambda o: o.predictions(MODEL)),
    "outputs/attributions/negation-1/outcomes.parquet": ("attribute", lambda o: o.attributions(MODEL)),
    "outputs/tree/negation-1/trees.json": ("tree", lambda o: o.facts("tree", MODEL, name="trees")),
    "outputs/data/negation-1/prepare.json": ("prepare", lambda o: o.split_sizes(MODEL)),
}


@pytest.mark.parametrize("path", READ)
def test_a_missing_file_is_one_line_that_names_the_stage(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stage, read = READ[path]
    with pytest.raises(InputError) as refused:
        read(Outcomes(Path(), ["negation"], [1]))
    assert str(refused.value) == f"{path} is missing; run: dvc repro {stage}"


def test_models_have_the_order_of_the_values():
    outcomes = Outcomes(Path(), ["rte", "mnli"], [3, 1])
    assert outcomes.models == [("rte", 3), ("rte", 1), ("mnli", 3), ("mnli", 1)]


def test_every_file_is_that_of_its_model(tmp_path):
    outcomes, models = Outcomes(tmp_path, ["negation", "inference"], [1, 2]), [("negation", 2), ("inference", 1)]
    for number, (task, seed) in enumerate(models):
        out, rows = (
            tmp_path / "outputs",
            [{"n": number, "name": "None", "other": None}, {"n": 9, "name": "", "other": 1}],
        )
        write_columns(out / f"prune/{task}-{seed}/outcomes.parquet", {"n": np.array([number])})
        write_rows(out / f"tree/{task}-{seed}/outcomes.parquet", rows)
        write_rows(out / f"predictions/{task}-{seed}.parquet", rows)
        write_rows(out / f"attributions/{task}-{seed}/outcomes.parquet", rows)
        write_json(out / f"triggers/{task}-{seed}/mined.json", {"n": number})
        write_json(out / f"data/{task}-{seed}/prepare.json", {"examples": {"dev": number}})
    for number, model in enumerate(Model(*model) for model in models):
        assert outcomes.table("prune", model)["n"].tolist() == [number]
        # What is not there is None.
        assert outcomes.rows("tree", model)[0] == {"n": number, "name": "None", "other": None}
        assert outcomes.predictions(model)["n"].tolist() == [number, 9]
        assert [row["n"] for row in outcomes.attributions(model)] == [number, 9]
        assert outcomes.facts("triggers", model, name="mined") == {"n": number}
        assert outcomes.split_sizes(model) == {"dev": number}


def test_the_jobs_of_a_sweep_share_what_was_prepared(tmp_path):
    write_json(tmp_path / "outputs/data/negation-1/prepare.json", {"examples": {"dev": 5}})
    job = Outcomes(tmp_path / "job", ["negation"], [1], prepared=tmp_path)
    assert job.split_sizes(MODEL) == {"dev": 5}
    predictions = tmp_path / "outputs/predictions/negation-1.parquet"
    for path, number in ((predictions, 1), (tmp_path / "job" / predictions.relative_to(tmp_path), 2)):
        write_rows(path, [{"n": number}])
        # A sweep of trainings has its own.
        assert job.predictions(MODEL)["n"].tolist() == [number]
    with pytest.raises(InputError, match="dvc repro prune"):
        job.table("prune", MODEL)
