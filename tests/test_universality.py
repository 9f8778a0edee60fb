"""The stage `universality`, with random models in place of trained ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.universality import main
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json, write_csv, write_rows

LAYERS, HEADS = 2, 4


@pytest.fixture
def stage(tmp_path, monkeypatch, tiny_model, random_examples):
    """`stage(tasks, seeds)`: run it in a folder with models, dev examples and importances of these; its metrics."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)

    def run(tasks, seeds, *, method="attribution"):
        changes = [f"tasks=[{','.join(tasks)}]", f"seeds=[{','.join(map(str, seeds))}]", "run.tracking.mode=disabled"]
        params = compose_params(["preset=mini", *changes, f"universality.method={method}"])
        for task in tasks:
            examples = [vars(example) for example in random_examples([6, 9, 4, 6, 7], labels=2)]
            write_rows(Path("outputs/data", task, "dev.parquet"), examples)
            for seed in seeds:
                tiny_model(labels=2, layers=LAYERS, seed=seed).save_pretrained(f"outputs/models/{task}-{seed}")
                rows = [
                    {"task": task, "seed": seed, "method": "attribution", "normalise": "none"}
                    | {"layer": layer, "head": head, "importance": float(generator.random())}
                    for layer in range(LAYERS)
                    for head in range(HEADS)
                ]
                write_csv(Path(f"outputs/prune/{task}-{seed}/importance.csv"), rows)
        declared = frozenset({"tasks", "seeds", "universality"})
        main(StageConfig(params, stage="universality", declared=declared, output_root=Path("out")))
        return read_json(Path("out/metrics/universality.json"))

    return run


def test_two_tasks_with_two_seeds(stage):
    metrics = stage(["negation", "inference"], [1, 2])
    assert len(metrics["pairs"]) == 6
    assert [pair["same_task"] for pair in metrics["pairs"]] == [True, False, False, False, False, True]
    assert [(part["task"], part["seed"], part["ranking"]) for part in metrics["functional"]] == [
        ("negation", 1, "inference"),
        ("negation", 2, "inference"),
        ("inference", 1, "negation"),
        ("inference", 2, "negation"),
    ]
    assert (metrics["similar_minus_others"], metrics["n_heads_total"]) == (None, LAYERS * HEADS)
    assert (metrics["method"], metrics["normalise"]) == ("attribution", "none")
    importance = pd.read_csv("out/outputs/universality/importance.csv")
    assert len(importance) == 4 * LAYERS * HEADS
    assert importance.groupby(["task", "seed"])["importance"].max().tolist() == [1, 1, 1, 1]
    curves = pd.read_csv("out/outputs/universality/functional.csv")
    assert curves.groupby(["task", "seed", "ranking"]).size().tolist() == 8 * [11]
    assert set(curves["n"]) == {5}


def test_a_model_is_pruned_by_the_rankings_of_its_own_seed(stage, monkeypatch):
    seen = []

    def record(_model, examples, importance, *, settings, token_budget):
        seen.append(importance)
        rates = len(settings.rates)
        return [0] * rates, np.ones((len(importance), rates, len(examples)), bool)

    monkeypatch.setattr("pipeline.experiments.universality.foreign_correctness", record)
    stage(["negation", "inference"], [1, 2])
    for number, seed in enumerate((1, 2, 1, 2)):
        assert list(seen[number]) == ["negation", "inference"]
        for task, values in seen[number].items():
            stored = pd.read_csv(f"outputs/prune/{task}-{seed}/importance.csv")["importance"]
            np.testing.assert_allclose(values.ravel(), stored)


def test_one_model_has_nothing_to_compare_with(stage):
    metrics = stage(["negation"], [1])
    assert metrics["pairs"] == metrics["functional"] == []
    assert metrics["similar_minus_others"] is None
    curves = pd.read_csv("out/outputs/universality/functional.csv")
    assert set(curves["ranking"]) == {"negation"}


def test_one_task_with_two_seeds_has_its_ceiling_only(stage):
    metrics = stage(["negation"], [1, 2])
    assert [pair["same_task"] for pair in metrics["pairs"]] == [True]
    assert metrics["functional"] == []


def test_an_importance_that_was_not_computed_is_refused_before_any_model_is_loaded(stage, monkeypatch):
    monkeypatch.setattr("pipeline.data.weights.load_finetuned", lambda *_: pytest.fail("loaded"))
    with pytest.raises(InputError, match=r"taylor with normalise none.*negation, seed 1"):
        stage(["negation"], [1], method="taylor")
