"""A finished run, read through its face: against the files of a committed one."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.finished import Run, method_name
from pipeline.reporting.experiments import shown
from pipeline.values.paths import SOURCE

KEPT = SOURCE / "results" / "mini"


@pytest.fixture
def run() -> Run:
    return Run(KEPT)


@pytest.fixture
def curves() -> pd.DataFrame:
    return pd.read_csv(KEPT / "outputs/analysis/prune/curves.csv", keep_default_na=False)


@pytest.mark.parametrize("experiment", shown("tables"))
def test_tables_are_those_that_the_run_wrote(run: Run, experiment: str) -> None:
    found = run.markdown(experiment)
    assert found
    for name, text in found.items():
        assert text == (KEPT / f"outputs/tables/{name}.md").read_text(encoding="utf-8")


def test_a_table_has_the_rows_that_are_let_through(run: Run, curves: pd.DataFrame) -> None:
    found = run.table("prune", "curves", task="negation", seed=[1, 2], method=["attention", "taylor"])
    rows = [row for row in curves.to_dict("records") if row["task"] == "negation" and row["seed"] in (1, 2)]
    rows = [row for row in rows if row["method"] in ("attention", "taylor")]
    assert found.to_dict("records") == rows
    assert 0 < len(rows) < len(curves)


def test_records_and_statistics_too(run: Run) -> None:
    facts = run.records("prune", task="inference", seed=2)
    assert [(one["task"], one["seed"]) for one in facts] == [("inference", 2)]
    statistics = run.statistics("planted_paths", name=["single/margin"])
    assert {one["name"] for one in statistics} == {"single/margin"}
    assert len(statistics) == sum(one["name"] == "single/margin" for one in run.statistics("planted_paths"))
    primary = run.markdown("claims", id="P2")["primary"].splitlines()[2:]
    assert primary
    assert all(line.split("|")[1].strip() == "P2" for line in primary)


def test_a_figure_draws_what_is_let_through(run: Run, curves: pd.DataFrame) -> None:
    figure = run.figures("prune", task="negation", seed=1, method="attention", normalise="none")["pruning"]
    rows = curves.query("task == 'negation' and seed == 1 and method == 'attention' and normalise == 'none'")
    (line,) = [line for ax in figure.axes for line in ax.lines if len(line.get_xdata()) == len(rows)]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), 100 * rows["accuracy"].to_numpy())


def test_importance_has_a_column_for_every_method(run: Run) -> None:
    stored = pd.read_csv(KEPT / "outputs/prune/negation-1/importance.csv")
    found = run.importance("negation", 1)
    methods = [method for method in run.params.prune.methods if method != "random"]
    assert found.columns.tolist() == [method_name(method) for method in methods]
    for row in stored[(stored["normalise"] == "none") & stored["method"].isin(methods)].itertuples():
        place = (row.layer + 1, row.head + 1)  # type: ignore[operator]
        assert found.loc[place, method_name(str(row.method))] == row.importance


def test_the_newest_model_is_the_one_written_last(tmp_path: Path) -> None:
    for age, name in enumerate(["negation-2", "my-task-10", "inference-1"]):
        weights = tmp_path / "outputs/models" / name / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.touch()
        os.utime(weights, (1e9 - abs(age - 1), 1e9 - abs(age - 1)))
    assert Run(tmp_path).newest() == ("my-task", 10)


def test_what_is_not_there_is_said_in_one_line(run: Run) -> None:
    asked = {
        "no column methd": lambda: run.table("prune", "curves", methd="attention"),
        "no column heads, methd": lambda: run.figures("prune", methd="attention", heads=1),
        "finetune has no plots": lambda: run.figures("finetune"),
        "no model yet: run make repro": run.newest,
        "run finetune again": lambda: run.model("negation", 1),
        "dvc repro prepare": lambda: run.examples("negation", 7),
        "tokenizer.json is missing; run: dvc repro prepare": lambda: run.tokenizer("negation", 7),
        "dvc repro view": lambda: run.views("negation", 1),
        "dvc repro prune": lambda: run.importance("negation", 7),
    }
    for said, ask in asked.items():
        with pytest.raises(InputError, match=said) as refusal:
            ask()
        assert "\n" not in str(refusal.value)
