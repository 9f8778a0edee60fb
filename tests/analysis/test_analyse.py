"""Every analysis, and the stage that runs them, on outcomes whose statistics are known by hand."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from outcomes_by_hand import write_model

from pipeline.analyse import main
from pipeline.analysis import shortcut
from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.outcomes import Outcomes
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import statistics
from pipeline.values.config import StageConfig
from pipeline.values.edge_methods import EDGE_METHODS
from pipeline.values.params import read_declaration
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json, write_rows

ROOT = Path(__file__).resolve().parents[2]
TASKS, SEEDS = ["negation", "inference"], [1, 2]
DECLARED = read_declaration("analyse", ROOT / "dvc.yaml").sections


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for task in TASKS:
        for seed in SEEDS:
            write_model(folder, task, seed)
    return folder


@pytest.fixture(scope="module")
def values():
    """What the stage sees: a section that dvc.yaml does not declare for it would be refused."""
    params = compose_params(["preset=mini", "seeds=[1,2]", "run.tracking.mode=disabled"])
    return StageConfig(params, stage="analyse", declared=DECLARED)


@pytest.fixture(scope="module")
def found(root, values):
    """`found(experiment)`: what its analysis says of one task and seed 1."""

    def make(experiment, *, tasks=("negation",), seeds=(1,)):
        return ANALYSES[experiment](Outcomes(root, tasks, seeds), values)

    return make


def by_name(statistics):
    """Values by task and name."""
    return {(one.task, one.key.text): pytest.approx(one.estimate.value) for one in statistics}


def test_finetune_by_hand(found):
    (record,) = found("finetune").records
    assert (record["task"], record["seed"], record["n"], record["accuracy"]) == ("negation", 1, 4, 0.75)
    per_class = {name: (part["accuracy"], part["n"]) for name, part in record["per_class"].items()}
    assert per_class == {"negative": (1.0, 2), "positive": (0.5, 2)}
    two = found("finetune", tasks=TASKS, seeds=SEEDS)
    assert [(one.task, one.key.text, one.by_seed) for one in two.statistics] == [
        (task, "accuracy/dev", (75, 50)) for task in TASKS
    ]
    assert {(one.estimate.value, one.estimate.n) for one in two.statistics if one.estimate} == {(62.5, 4)}


def test_attribute_by_hand(found):
    result = found("attribute")
    (record,) = result.records
    # Mean |gaps| of 1/8 in both layers, mean |changes| of 1.
    assert (record["completeness_error"], record["mean_steps"]) == (0.125, 20)
    assert (record["unconverged"], record["estimates"], record["steps"]) == (1, 4, "auto")
    assert [(part["split"], part["target"], part["examples"]) for part in record["samples"]] == [
        ("dev", "gold", 1),
        ("dev", "predicted", 2),
        ("mine", "predicted", 1),
    ]
    gaps = [(row["layer"], row["n"], row["max"]) for row in result.tables["completeness"]]
    assert gaps == [(0, 2, 0.25), (1, 2, 0.25)]
    assert [(row["split"], row["layer"]) for row in result.tables["unconverged"]] == [("dev", 1), ("mine", 1)]


def test_effectiveness_by_hand(found):
    result = found("effectiveness")
    (record,) = result.records
    assert (record["n"], record["n_heads"], record["baseline_accuracy"]) == (4, 2, 0.75)
    values = {one.key.text: one.estimate and one.estimate.value for one in result.statistics}
    assert list(values) == [
        "area/attribution_predicted",
        "area/attention_max",
        "lead/attribution_predicted-attention_max",
        *(f"{name}/{method}" for method in ("attribution_predicted", "attention_max") for name in ("kept", "lost")),
    ]
    # With one of two heads masked, two of four examples more are right lowest first.
    assert values["area/attribution_predicted"] == pytest.approx(100 * 2 / 4 / 3)
    assert values["area/attention_max"] == 0
    assert values["lead/attribution_predicted-attention_max"] == pytest.approx(100 * 2 / 4 / 3)
    # The two highest of two heads are all: alone they change nothing, without them one right example of three goes.
    assert values["kept/attribution_predicted"] == 0
    assert len(result.tables["curves"]) == 2 * 2 * 3
    two = {one.key.text: one for one in found("effectiveness", seeds=(1, 2)).statistics}["area/attribution_predicted"]
    assert two.by_seed == pytest.approx((100 * 2 / 4 / 3, 100 * 1 / 4 / 3))


def test_prune_by_hand(found):
    result = found("prune")
    (record,) = result.records
    # Trapezoids of (3, 3, 1), (3, 1, 1), (3, 2, 1), and (3, 0, 1) and (3, 1, 1) fourths over (0, 0.5, 1).
    random = (25 + 37.5) / 2
    assert by_name(result.statistics) == {
        ("negation", "auc/attribution/none"): 62.5,
        ("negation", "auc/taylor/none"): 37.5,
        ("negation", "auc/random/none"): random,
        ("negation", "lead/taylor/none"): 25,
        ("negation", "lead/random/none"): 62.5 - random,
        ("negation", "beaten/random"): 0,
        ("negation", "factor/sum"): 50 - 62.5,
    }
    assert (record["n_importance"], record["n_heads_total"], record["random"]["orders"]) == (7, 4, 2)
    assert [row["n_masked"] for row in result.tables["curves"]] == [0, 2, 4] * 5


def test_universality_by_hand(found):
    result = found("universality", tasks=TASKS)
    (record,) = result.records
    (pair,) = record["pairs"]
    assert (pair["a"]["task"], pair["b"]["task"], pair["pearson"]) == ("negation", "inference", -1)
    lost = {"lost": 25, "lost/same_task": 12.5, "lost/random": 62.5 - (25 + 37.5) / 2}
    assert by_name(result.statistics) == {
        (None, "agreement/negation-inference"): -1,
        (None, "agreement/negation-inference/within_layers"): -1,
        **{("negation", name): value for name, value in (lost | {"lost/inference": 25}).items()},
        **{("inference", name): value for name, value in (lost | {"lost/negation": 25}).items()},
    }
    assert len(result.tables["importance"]) == 2 * 4
    assert len(result.tables["functional"]) == 2 * 5 * 3


def values_of(result):
    return {one.key.text: None if one.estimate is None else one.estimate.value for one in result.statistics}


def test_tree_by_hand(found):
    result = found("tree")
    (record,) = result.records
    assert (record["n"], record["examples"], record["rootless"], record["tau"]) == (2, 4, 1, 0.4)
    assert (record["full_probability"], record["tree_probability"], record["without_any_edge"]) == (1, 0.625, 0.25)
    values = values_of(result)
    # Of 0.75 the tree brings back 0.375, random trees 0.125, the others 0.25.
    assert values["recovered/tree"] == pytest.approx(0.5)
    assert values["recovered/tree-random"] == pytest.approx(1 / 3)
    assert values["recovered/attention-tree"] == pytest.approx(-1 / 6)
    assert values["comprehensiveness/tree"] == pytest.approx(1)
    assert (values["excess/0.4"], values["excess/0.5-0.4"]) == (pytest.approx(1 / 3), 0)
    assert values["knee"] == 0.4
    # Trapezoids over two tenfold steps: (0 + 1/3)/2 and (1/3 + 1)/2 for attribution, 0 and 1/2 for the others.
    assert values["edge_area/attribution"] == pytest.approx((1 / 6 + 2 / 3) / 2)
    assert values["edge_area/attribution-random"] == pytest.approx((1 / 6 + 2 / 3) / 2 - 1 / 4)
    assert [(row["task"], row["seed"], row["tau"]) for row in result.tables["curves"]] == [
        ("negation", 1, 0.4),
        ("negation", 1, 0.5),
    ]
    assert len(result.tables["shares"]) == 8 * 3


def test_receptive_field_by_hand(found):
    result = found("receptive_field")
    (record,) = result.records
    assert (record["task"], record["seed"], record["n"], record["layers"]) == ("negation", 1, 2, 3)
    assert (record["edges"], record["edges_with_special"]) == (3, 4)
    # Without special tokens: distances 4 and 2 in layer 1, 1 in layer 0; one of the former crosses. Two steps up.
    expected = {"distance": 7 / 3, "growth": 2 * 2, "within": 2 / 3, "within_growth": 2 * -0.5}
    assert values_of(result) == {name: pytest.approx(value) for name, value in expected.items()}
    rows = pd.DataFrame(result.tables["distances"])
    assert rows["edges"].tolist() == [1, 2, 0, 2, 2, 0]
    assert rows["mean"].isna().tolist() == [False, False, True] * 2


def test_triggers_by_hand(found):
    result = found("triggers")
    (record,) = result.records
    assert (record["n"], record["n_select"], record["mined"]) == (4, 4, {"examples": 5, "patterns": 2})
    assert record["baseline"]["accuracy"] == 0.75
    assert record["kinds"]["random"] == {"patterns": 1, "tokens_mean": 1, "collapsing": 0}
    assert [one["tokens"] for one in record["strongest"]] == [one["tokens"] for one in record["best"]] == ["a", "b"]
    assert [(row["tokens"], row["foreign_drop"], row["drop"]) for row in result.tables["triggers"]] == [
        ("a", 0.5, 0.5),
        ("b", 0.5, 0.25),
    ]
    # All were mined for the first class: one of two examples of the other one is lost, without random tokens none.
    values = {one.key.text: one.by_seed for one in result.statistics}
    names = ("mined", "best", "random", "mined-random", "best-best_random", "strongest-mined", "attention")
    expected = [50, 50, 0, 50, 50, 0, None]
    assert [values[f"foreign_drop/{name}"] for name in names] == [(value,) for value in expected]
    # Equal drops have no rank correlation. Of three right answers two and one are flipped.
    assert (values["drop/best"], values["flipped/best"]) == ((37.5,), (0.5,))
    assert (values["spearman"], values["collapsing"]) == ((None,), (0.5,))  # with b all are of the first class
    both = {one.key.text: one for one in found("triggers", seeds=(1, 2)).statistics}
    assert both["foreign_drop/mined"].by_seed == (50, 25)
    assert both["foreign_drop/mined"].estimate.holds == "models and examples"


def test_convergence_by_hand(found):
    result = found("convergence")
    (record,) = result.records
    assert record["steps_needed"] == {"right": {"0.01": 64, "0.001": 64, "0.0001": 64}}
    assert (record["n"], record["reference_steps"], record["auto"]["steps_mean"]) == (2, 256, 8)
    assert record["judged"] == {"n": 2, "unconverged": 1, "decided_by_doubt": 0} | {
        "doubt": 0.03125 / 6.25,
        "largest_doubt": 0.03125 / 3,
    }
    assert [(row["rule"], row["steps"], row["error"]) for row in result.tables["curves"]] == [
        ("reference", 128, 0.0),
        ("judge", 32, 0.0),
        ("right", 20, 0.25),
        ("right", 64, 0.0),
        ("auto", 8, 0.0),
    ]
    # The right rule is off by 0 and by 0.0625 of 3; with the doubt the latter is within 5 % still.
    values = {one.key.text: one.estimate.value for one in result.statistics if one.estimate}
    assert values == pytest.approx(
        {
            "within/right-20": 100,
            "within/left-20": 0,
            "least/right-20": 100,
            "least/left-20": 0,
            "kendall/right-20": 0.75,
            "kendall/left-20": 0.5,
        }
        | {"error/right-20": 0.0625 / 6.25, "error/left-20": 0.625 / 6.25}
    )
    two = found("convergence", seeds=SEEDS).statistics
    assert [one.by_seed for one in two if one.key.text == "within/right-20"] == [(100, 50)]


def test_truth_by_hand(found):
    result = found("truth")
    assert [dict(record) for record in result.records] == [{"task": "negation", "seed": 1, "n": 2}]
    values = {one.key.text: one.estimate.value for one in result.statistics if one.estimate}
    assert values["auroc/pairs/attribution"] == 0.875
    assert values["auroc/pairs/attribution-attention"] == 0.875 - 0.375
    assert values["precision/pairs/attribution-attention"] == 0
    # Of groups of one and of five pairs the mean.
    assert (values["lost/attribution"], values["lost/attribution-attention"]) == (1.5, -1.5)
    assert [(row["method"], row["size"], row["lost"]) for row in result.tables["groups"]] == [
        ("attribution", 1, 0.5),
        ("attribution", 5, 2.5),
        ("attention", 1, 1.0),
        ("attention", 5, 5.0),
    ]
    # With all of both parts shuffled.
    assert (values["randomised/attribution"], values["randomised/attention"]) == (0.125, 0.5)
    assert [(row["method"], row["shuffled"], row["spearman"]) for row in result.tables["randomised"]] == [
        ("attribution", 1, 0.25),
        ("attribution", 2, 0.125),
        ("attention", 1, 1.0),
        ("attention", 2, 0.5),
    ]
    assert values["auroc/pairs/attention/0.5"] == 1
    assert values["auroc/pairs/attribution_margin-attention/0.01"] == 0
    two = {one.key.text: one for one in found("truth", seeds=SEEDS).statistics}
    assert two["auroc/pairs/attribution-attention"].by_seed == (0.5, 0.375)
    # In the second model two effects are equal: where one pair matters, none does.
    assert two["auroc/pairs/attention/0.01"].by_seed == (1, 0.5)
    assert two["randomised-seeds/attribution"].estimate is None
    assert two["randomised-seeds/attribution"].why == "undefined for 2 of 2 models: needs 3 models"
    labels = {one.key.text: one.label for one in result.statistics}
    assert labels["precision/pairs/attribution"] == "precision at 10, query-key pairs, attribution"


def test_without_an_example_to_put_the_word_in_its_places_are_undefined_and_nothing_else():
    defined, undefined = (
        shortcut.ranking(rows)
        for rows in (
            [
                {"example_id": "dev-1", "method": method, "first": True, "tokens": 4, "brought": 0.5}
                for method in (*EDGE_METHODS, "gradient_x_input", "random")
            ],
            [],
        )
    )
    assert list(undefined) == list(defined)
    assert [(one.label, one.unit) for one in undefined.values()] == [(one.label, one.unit) for one in defined.values()]
    assert {one.value for one in undefined.values()} == {None}
    (row, *_) = statistics("rte", [undefined])
    assert row.why == ("undefined for 1 of 1 models: every evaluated example is of the class that the word gives away")


def test_shortcut_by_hand(found):
    result = found("shortcut")
    accuracies = {"plain": 0.75, "given": 1.0, "turned": 0.25}
    assert [dict(record) for record in result.records] == [
        {"task": "negation", "seed": 1, "word": "wug", "decoys": ["dax"], "rows": 9, "n": 4, **accuracies}
    ]
    values = {one.key.text: one.estimate.value for one in result.statistics}
    assert (values["first/attribution"], values["first/attention"], values["first/attribution-attention"]) == (
        100,
        50,
        50,
    )
    assert (values["brought"], values["relied"]) == (0.5, 75)
    # One of four tokens comes first by chance.
    assert values["first/attribution-chance"] == 75
    assert (values["regained/attribution"], values["spared/attribution"]) == (50, -25)
    # The mean of two orders.
    assert (values["regained/random"], values["spared/random"]) == (12.5, -25)
    assert values["regained/attribution-random"] == 37.5
    accuracies = [one for one in result.statistics if one.unit in {"%", "points"}]
    assert {measure.step for one in accuracies for measure in one.of_models} == {100}
    turned = [row for row in result.tables["pruned"] if row["rows"] == "turned"]
    assert [(row["method"], row["rate"], row["accuracy"]) for row in turned] == [
        ("attribution", 0.0, 0.25),
        ("attribution", 0.2, 0.75),
        ("random", 0.0, 0.25),
        ("random", 0.2, 0.375),
    ]
    two = {one.key.text: one.by_seed for one in found("shortcut", seeds=SEEDS).statistics}
    assert two["first/attribution-attention"] == (50, 0)


def test_planted_paths_by_hand(found):
    result = found("planted_paths", seeds=SEEDS)
    assert [dict(record) for record in result.records] == [
        {"task": "one path", "seed": 1, "n": 2, "correct": 2},
        {"task": "one path", "seed": 2, "n": 2, "correct": 1},
    ]
    of_seeds = {one.key.text: one.by_seed for one in result.statistics}
    assert of_seeds["auroc/attribution"] == (1, 1)
    assert of_seeds["auroc/attribution-attention"] == (0.5, 0)
    # The sums of two examples: 0.5 of 1.25.
    assert of_seeds["single/probability"] == (0.4, 0.4)
    assert {one.task for one in result.statistics} == {"one path"}
    assert [row["seed"] for row in result.tables["edges"]] == [1] * 16 + [2] * 16


@pytest.mark.parametrize("experiment", [name for name in ANALYSES if name not in ("universality", "planted_paths")])
def test_an_analysis_of_two_seeds_holds_those_of_both(found, experiment):
    both = found(experiment, tasks=TASKS, seeds=SEEDS)
    alone = [found(experiment, tasks=[task], seeds=[seed]) for task in TASKS for seed in SEEDS]
    assert list(both.records) == [record for one in alone for record in one.records]
    for name, rows in both.tables.items():
        # As text: a number that is missing is not equal to itself.
        assert repr(list(rows)) == repr([row for one in alone for row in one.tables[name]])
    first, second = (one.records[0] | {"seed": None} for one in alone[:2])
    values = [[one.by_seed for one in part.statistics] for part in alone[:2]]
    assert first != second or values[0] != values[1]


def test_universality_of_two_seeds_holds_the_losses_of_both_and_their_ceiling(found):
    both = found("universality", tasks=TASKS, seeds=SEEDS)
    (record,) = both.records
    assert len(record["pairs"]) == 6
    lost = {one.task: one.by_seed for one in both.statistics if one.key.text == "lost"}
    assert lost == {"negation": (25, 12.5), "inference": (25, 12.5)}
    ceilings = [one for one in both.statistics if one.key.text.startswith("ceiling")]
    assert [(one.key.text, one.by_seed) for one in ceilings] == [
        (f"ceiling/{task}{kind}", (1, 1)) for task in TASKS for kind in ("", "/within_layers")
    ]
    assert all(one.estimate.interval() is None for one in ceilings)


# The stage.

PROGRAM = """
import sys
from pathlib import Path
from pipeline.analyse import main
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
params = compose_params(["preset=mini", "seeds=[1,2]", "run.tracking.mode=disabled"])
declared = frozenset(sys.argv[2:])
main(StageConfig(params, stage="analyse", declared=declared, output_root=Path(sys.argv[1])))
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    """The folder that the stage wrote; it imports no torch, which would take longer than the stage."""
    out = tmp_path_factory.mktemp("out")
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(out)}
    subprocess.run([sys.executable, "-c", PROGRAM, str(out), *DECLARED], check=True, cwd=root, env=environment)
    return out


def test_the_stage_writes_the_records_and_tables_of_every_experiment(written, found):
    folder = written / "outputs/analysis"
    assert {path.name for path in folder.iterdir()} == {*ANALYSES, "claims"}
    for experiment in ANALYSES:
        expected = found(experiment, tasks=TASKS, seeds=SEEDS)
        records = read_json(folder / experiment / "records.json")["records"]
        assert len(records) == len(expected.records)
        assert [record.get("seed") for record in records] == [record.get("seed") for record in expected.records]
        tables = {path.stem: path for path in (folder / experiment).glob("*.csv")}
        assert set(tables) == set(expected.tables)
        for name, rows in expected.tables.items():
            assert len(pd.read_csv(tables[name])) == len(rows)


def test_the_stage_decides_every_claim_on_the_tasks_that_have_its_statistic(written):
    found = {claim["id"]: claim for claim in read_json(written / "outputs/analysis/claims/records.json")["records"]}
    assert list(found) == [rule.id for rule in read_rules().rules]
    # Those of other tasks, and those whose rivals these outcomes do not have.
    missing = {name for name, claim in found.items() if not claim["tasks"]}
    assert missing == {"P2", "P3b", "P4b", "P5", "P7a", "P7b", "R1", "N1", "N2"}
    for name in {*found} - missing:
        assert [one["task"] for one in found[name]["tasks"]] == TASKS
    # Two models are too few for a verdict.
    verdicts = {one["verdict"] for claim in found.values() for one in claim["tasks"]}
    assert verdicts == {"open"}


def test_the_stage_picks_the_means_over_seeds_for_dvc(written):
    assert {path.name for path in (written / "metrics").iterdir()} == {"negation.json", "inference.json"}
    # Of both seeds: accuracies 75 and 50, leads 50/3 and 25/3, losses 25 and 12.5, ...
    assert read_json(written / "metrics/negation.json") == {
        "accuracy": 62.5,
        "unconverged": 25,
        "head_area": 12.5,
        "taylor": 18.75,
        "random_lead": 31.25,
        "foreign_loss": 18.75,
        "tree": 58.3333,
        "tree_lead": 41.6667,
        "growth": 6.0,
        "triggers": 37.5,
        "trigger_lead": 37.5,
        "steps20": 1.5,
    }


def test_a_table_without_rows_is_an_empty_file(root, values, tmp_path, monkeypatch):
    """As that of the estimates that stopped short, where none did."""
    folder = tmp_path / "run"
    shutil.copytree(root, folder)
    for path in folder.glob("outputs/attributions/*/outcomes.parquet"):
        rows = pd.read_parquet(path).to_dict("records")
        write_rows(path, [row | {"unconverged": [False, False]} for row in rows])
    monkeypatch.chdir(folder)
    main(values)
    assert Path("outputs/analysis/attribute/unconverged.csv").read_text() == ""
