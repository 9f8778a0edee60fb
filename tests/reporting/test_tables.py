import csv
import io

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.errors import InputError
from pipeline.reporting.effectiveness.tables import effectiveness_rows
from pipeline.reporting.finetune.tables import finetune_rows
from pipeline.reporting.headline.tables import headline
from pipeline.reporting.prune.tables import pruning_rows
from pipeline.reporting.table_text import Difference, in_words, to_csv, to_markdown


def parse_markdown(text):
    lines = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in text.splitlines()]
    return lines[0], lines[1], lines[2:]


def test_finetune_rows_hold_percentages_over_all_and_by_class(finetune_metrics):
    overall, of_class = finetune_rows(finetune_metrics)
    assert overall == {
        "task": "negation",
        "seed": 1,
        "class": "all",
        "n": 1000,
        "accuracy": Interval(98.4375, 96.875, 100),
    }
    assert (of_class["class"], of_class["n"], of_class["accuracy"]) == ("no", 400, Interval(50, 25, 75))


def test_f1_is_a_column_once_a_task_has_it(finetune_metrics):
    mrpc = finetune_metrics[0] | {"task": "mrpc", "f1": 0.875}
    rows = finetune_rows([*finetune_metrics, mrpc])
    assert [row["f1"] for row in rows] == [None, None, 87.5, None]


def test_effectiveness_rows(effectiveness_metrics):
    rows = effectiveness_rows(effectiveness_metrics)
    assert [row["method"] for row in rows] == ["attribution_gold", "attribution_predicted", "attention"]
    gold = rows[0]
    assert gold["area"] == Interval(20, 18, 22)
    assert gold["area_minus_attention"] == Interval(20, 18, 22)
    assert rows[2]["area_minus_attention"] is None
    assert gold["baseline_accuracy"] == pytest.approx(98.4)
    assert (gold["keep_top2"].low, gold["remove_top2"].high) == pytest.approx((88, 42))


def test_pruning_rows_list_every_measure_per_normalisation_and_random_last(prune_metrics):
    rows = pruning_rows(prune_metrics)
    assert [row["normalise"] for row in rows] == ["none"] * 8 + ["layer_l2"] * 8 + [None]
    assert [row["method"] for row in rows[:8]] == [row["method"] for row in rows[8:16]]
    assert rows[0]["method"] == "attribution"
    assert rows[0]["delta_auc"] is None
    taylor = next(row for row in rows if row["method"] == "taylor")
    assert taylor["delta_auc"] == Difference(1.5, 0.5, 2.5, "better")
    assert (taylor["auc"], taylor["nauc"], taylor["r_star"]) == (Interval(80, 79, 81.25), 0.625, 40)
    assert next(row for row in rows if row["method"] == "attention")["nauc"] is None
    assert (rows[-1]["method"], rows[-1]["auc"]) == ("random", Interval(60, 55, 66))
    assert pruning_rows([prune_metrics[0] | {"random": None}])[-1]["method"] != "random"


def test_headline_joins_the_stages_by_task_and_seed(finetune_metrics, effectiveness_metrics, prune_metrics):
    other_seed = prune_metrics[0] | {"seed": 2, "delta_auc": {}}
    (row,) = headline(finetune_metrics, effectiveness_metrics, [other_seed, *prune_metrics])
    assert row["accuracy"] == Interval(98.4375, 96.875, 100)
    assert (row["area_attribution"].value, row["area_predicted"].value, row["area_attention"].value) == (20, 10, 0)
    assert row["delta_auc_taylor"] == row["delta_auc_attention"] == Difference(1.5, 0.5, 2.5, "better")
    # A measure that was not asked for is missing, not an error.
    (row,) = headline(finetune_metrics, effectiveness_metrics, [prune_metrics[0] | {"delta_auc": {}}])
    assert row["delta_auc_taylor"] is None


def test_csv_spreads_intervals_over_columns(prune_metrics, effectiveness_metrics):
    rows = list(csv.DictReader(io.StringIO(to_csv(pruning_rows(prune_metrics)))))
    assert rows[0]["method"] == "attribution"
    assert (rows[0]["auc"], rows[0]["auc_low"], rows[0]["auc_high"]) == ("80.0000", "79.0000", "81.2500")
    assert rows[0]["delta_auc"] == rows[0]["delta_auc_verdict"] == ""
    assert (rows[1]["delta_auc"], rows[1]["delta_auc_verdict"]) == ("1.5000", "better")
    assert "area_verdict" not in to_csv(effectiveness_rows(effectiveness_metrics))


def test_numbers_are_stable():
    row = {"accuracy": Interval(-0.00001, -0.04, 0.0), "n": 12345, "seed": 1234, "delta_auc": None, "share": 0.12345678}
    assert to_csv([row]) == (
        "accuracy,accuracy_low,accuracy_high,n,seed,delta_auc,share\n0.0000,-0.0400,0.0000,12345,1234,,0.1235\n"
    )
    _, _, (cells,) = parse_markdown(to_markdown([row]))
    assert cells == ["0.0 [0.0, 0.0]", "12,345", "1234", "–", "0.123"]


def test_markdown_is_aligned_and_reads_like_the_figures():
    rows = [
        {"task": "sst2", "method": "taylor_authors", "normalise": "none", "n": 872, "note": "a|b"},
        {"task": "negation", "method": "attention", "normalise": None, "n": 1000, "note": ""},
    ]
    text = to_markdown(rows)
    assert len({len(line) for line in text.splitlines()}) == 1
    assert "a\\|b" in text
    head, rule, body = parse_markdown(text)
    assert head == ["task", "method", "importance", "examples", "note"]
    assert body[0][:4] == ["SST-2", "Taylor (authors' code)", "as computed", "872"]
    assert [cell.endswith(":") for cell in rule] == [False, False, False, True, False]


def test_rows_without_order_are_refused_and_no_rows_are_no_table():
    assert to_markdown([]) == ""
    with pytest.raises(InputError, match="same columns"):
        to_csv([{"a": 1, "b": 2}, {"b": 2, "a": 1}])


def test_a_column_in_words(effectiveness_metrics):
    words = in_words(effectiveness_rows([*effectiveness_metrics, effectiveness_metrics[0] | {"task": "rte"}]), "area")
    negation, rte = words.split("; ")
    assert (
        negation == "negation, seed 1: attribution, gold label 20.0, attribution, predicted label 10.0, attention 0.0"
    )
    assert rte.startswith("RTE, seed 1: ")
