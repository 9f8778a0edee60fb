"""The stage `universality`, with random models in place of trained ones, and the analysis of what it writes."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.analysis.outcomes import Outcomes
from pipeline.analysis.universality import analyse
from pipeline.errors import InputError
from pipeline.universality import main
from pipeline.values.config import StageConfig
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.store import write_csv, write_rows

LAYERS, HEADS = 2, 4


@pytest.fixture
def stage(tmp_path, monkeypatch, tiny_model, random_examples):
    """`stage(tasks, seeds)`: run it for each of them, in a folder with models, dev examples and importances of these.

    What `analyse` makes of its outcomes.
    """
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    generator = np.random.default_rng(0)

    def run(tasks, seeds, *, computed="attribution"):
        changes = [f"tasks=[{','.join(tasks)}]", f"seeds=[{','.join(map(str, seeds))}]", "run.tracking.mode=disabled"]
        params = compose_params(["preset=mini_full", "seeds=[1]", *changes])
        models = [(task, seed) for task in tasks for seed in seeds]
        for task, seed in models:
            examples = [vars(example) for example in random_examples([6, 9, 4, 6, 7], labels=2)]
            write_rows(Path(f"outputs/data/{task}-{seed}/dev.parquet"), examples)
            tiny_model(labels=2, layers=LAYERS, seed=seed).save_pretrained(f"outputs/models/{task}-{seed}")
            rows = [
                {"task": task, "seed": seed, "method": computed, "normalise": "none"}
                | {"layer": layer, "head": head, "importance": float(generator.random())}
                for layer in range(LAYERS)
                for head in range(HEADS)
            ]
            write_csv(Path(f"outputs/prune/{task}-{seed}/importance.csv"), rows)
        declared = frozenset({"tasks", "seeds", "prune", "universality"})
        for task, seed in models:
            main(StageConfig(params, stage="universality", declared=declared, task=task, seed=seed))
        return analyse(Outcomes(Path(), tasks, seeds), params)

    return run


def names(found, task):
    return [one.key.text for one in found.statistics if one.task == task]


def test_two_tasks_with_two_seeds(stage):
    found = stage(["negation", "inference"], [1, 2])
    (record,) = found.records
    assert [pair["same_task"] for pair in record["pairs"]] == [True, False, False, False, False, True]
    assert (record["method"], record["normalise"], record["n_heads_total"]) == ("attribution", "none", LAYERS * HEADS)
    of_all = ("agreement/negation-inference", "ceiling/negation", "ceiling/inference")
    assert names(found, None) == [f"{name}{kind}" for name in of_all for kind in ("", "/within_layers")]
    assert names(found, "negation") == ["lost", "lost/inference", "lost/same_task", "lost/random"]
    assert {one.estimate.replicates for one in found.statistics} == {2}
    importance = pd.DataFrame(found.tables["importance"])
    assert len(importance) == 4 * LAYERS * HEADS
    assert importance.groupby(["task", "seed"])["importance"].max().tolist() == [1, 1, 1, 1]
    curves = pd.DataFrame(found.tables["functional"])
    counts = curves.groupby(["task", "seed", "ranking"]).size()
    assert set(counts[counts.index.get_level_values("ranking") != "random"]) == {11}
    assert set(counts[counts.index.get_level_values("ranking") == "random"]) == {20 * 11}
    assert set(curves["n"]) == {5}


def test_outcomes_are_a_row_for_every_ranking_rate_and_example(stage):
    stage(["negation", "inference"], [1])
    table = pd.read_parquet("outputs/universality/inference-1/outcomes.parquet")
    assert list(table) == ["ranking", "order", "rate", "n_masked", "example_id", "label", "predicted"]
    assert len(table) == (2 + 20) * 11 * 5
    assert set(table["ranking"]) == {"negation", "inference", "random"}
    # Without any head masked, and without any left, the ranking does not matter.
    for rate in (0.0, 1.0):
        of_rate = table[(table["rate"] == rate) & (table["order"] == 0)]
        by_ranking = of_rate.pivot(index="example_id", columns="ranking", values="predicted")
        assert (by_ranking["negation"] == by_ranking["inference"]).all()
        assert (by_ranking["negation"] == by_ranking["random"]).all()


def test_a_model_is_pruned_by_the_rankings_of_its_own_seed_and_by_the_next_of_its_task(stage, monkeypatch):
    from pipeline.experiments import universality

    seen, measure = [], universality.foreign_outcomes

    def record(model, examples, importance, **settings):
        seen.append(importance)
        return measure(model, examples, importance, **settings)

    monkeypatch.setattr(universality, "foreign_outcomes", record)
    stage(["negation", "inference"], [1, 2])
    models = [("negation", 1), ("negation", 2), ("inference", 1), ("inference", 2)]
    for (task, seed), importance in zip(models, seen, strict=True):
        expected = {"negation": ("negation", seed), "inference": ("inference", seed), "same_task": (task, 3 - seed)}
        assert list(importance) == list(expected)
        for name, (of, number) in expected.items():
            stored = pd.read_csv(f"outputs/prune/{of}-{number}/importance.csv")["importance"]
            np.testing.assert_allclose(importance[name].flatten(), stored, rtol=1e-6)


def test_one_model_has_random_orders_to_compare_with(stage):
    found = stage(["negation"], [1])
    assert found.records[0]["pairs"] == []
    assert [(one.task, one.key.text) for one in found.statistics] == [("negation", "lost/random")]
    assert {row["ranking"] for row in found.tables["functional"]} == {"negation", "random"}


def test_one_task_with_two_seeds_has_its_ceilings(stage):
    found = stage(["negation"], [1, 2])
    assert names(found, None) == ["ceiling/negation", "ceiling/negation/within_layers"]
    assert names(found, "negation") == ["lost/same_task", "lost/random"]


def test_an_importance_that_was_not_computed_is_refused_before_any_model_is_loaded(stage, monkeypatch):
    monkeypatch.setattr("pipeline.predicting.load.load_finetuned", lambda *_: pytest.fail("loaded"))
    with pytest.raises(InputError, match=r"negation-1/importance.csv has no attribution with normalise none"):
        stage(["negation"], [1], computed="taylor")
