"""The estimates' own error."""

import json

import pytest

from pipeline.analysis.attribute import gap_rows, overall, summarise, unconverged_rows
from pipeline.values.store import write_csv, write_json


def row(number, gap, *, split="dev", target="predicted", change=(1.0, -2.0), steps=(4, 8), unconverged=(False, False)):
    estimates = {"completeness_gap": list(gap), "output_change": list(change), "steps": list(steps)}
    return {"split": split, "example_id": f"e-{number}", "target": target, **estimates} | {
        "unconverged": list(unconverged)
    }


def test_the_gaps_of_the_predicted_class_on_dev_by_hand():
    rows = [
        row(0, [-0.5, 0.0], change=[1.0, -2.0], steps=[4, 64], unconverged=[False, True]),
        row(1, [0.25, 0.0], change=[-3.0, 0.0], steps=[8, 64], unconverged=[False, True]),
        row(2, [0.0, -1.0], change=[0.5, 1.0], steps=[16, 4]),
        row(3, [-1.0, 0.0], change=[-0.5, 1.0], steps=[4, 8]),
        row(4, [0.75, 0.0], change=[0.0, 1.0], steps=[8, 10]),
        # Neither another class nor another split counts.
        row(0, [9.0, 9.0], target="gold", change=[9.0, 9.0], steps=[99, 99], unconverged=[True, True]),
        row(5, [9.0, 9.0], split="mine", change=[9.0, 9.0], steps=[99, 99], unconverged=[True, True]),
    ]
    first, second = gap_rows(rows, task="rte", seed=2)
    # Of 0, 1/4, 1/2, 3/4, 1 the 5 % quantile lies a fifth of the way to the second.
    assert first == pytest.approx(
        {"task": "rte", "seed": 2, "layer": 0, "n": 5}
        | {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
        | {"change": 1.0, "steps": 8.0, "unconverged": 0}
    )
    # Of 0, 0, 0, 0, 1 the 95 % quantile lies four fifths of the way to the last.
    assert second == pytest.approx(
        {"task": "rte", "seed": 2, "layer": 1, "n": 5}
        | {"q05": 0.0, "q25": 0.0, "median": 0.0, "q75": 0.0, "q95": 0.8, "max": 1.0}
        | {"change": 1.0, "steps": 30.0, "unconverged": 2}
    )


def test_on_the_joint_path_the_gap_is_one_of_all_layers():
    joint = [row(n, [gap], change=[1.0], steps=[4], unconverged=[gap > 1]) for n, gap in enumerate((0.5, 1.5))]
    (found,) = gap_rows(joint, task="rte", seed=2)
    assert (found["layer"], found["n"], found["median"], found["unconverged"]) == (0, 2, 1.0, 1)


def test_every_estimate_that_stopped_short_is_named():
    rows = [
        row(0, [0.5, 0.25], target="gold", unconverged=[True, True]),
        row(0, [-0.5, -0.25], unconverged=[False, False]),
        row(1, [0.0, 0.125], split="mine", change=[3.0, -4.0], unconverged=[False, True]),
    ]
    names = ("split", "example_id", "target", "layer", "completeness_gap", "output_change")
    assert [tuple(found[name] for name in names) for found in unconverged_rows(rows)] == [
        ("dev", "e-0", "gold", 0, 0.5, 1.0),
        ("dev", "e-0", "gold", 1, 0.25, -2.0),
        ("mine", "e-1", "predicted", 1, 0.125, -4.0),
    ]
    assert all(tuple(found) == names for found in unconverged_rows(rows))
    assert unconverged_rows(rows[1:2]) == []


def test_error_and_cost_in_a_few_numbers_by_hand():
    rows = [
        row(0, [-0.5, 0.25], change=[1.0, -2.0], steps=[4, 64], unconverged=[False, True]),
        row(1, [0.0, -1.0], change=[-3.0, 1.0], steps=[8, 64], unconverged=[True, True]),
        # Neither another class nor another split counts.
        row(0, [9.0, 9.0], target="gold", steps=[99, 99], unconverged=[True, True]),
        row(2, [9.0, 9.0], split="mine", steps=[99, 99], unconverged=[True, True]),
    ]
    # |gaps| sum to 0.75 and 1, |changes| to 3 and 4.
    found = overall(rows, steps="auto")
    assert found == pytest.approx({"completeness_error": 0.25, "mean_steps": 35.0, "unconverged": 3, "estimates": 4})
    assert overall(rows, steps=8) == found | {"unconverged": None}


def test_without_any_change_there_is_no_error():
    assert overall([row(0, [0.0], change=[0.0])], steps=2)["completeness_error"] == 0


def test_the_summary_of_every_split_and_target_by_hand():
    def of(split, target, n, gap, change, steps, unconverged):
        estimates = {"completeness_gap": gap, "output_change": change, "steps": steps, "unconverged": unconverged}
        return {"split": split, "target": target, "n": n, **estimates}

    rows = [
        of("dev", "gold", 4, [0.1, -0.3], [1.0, -2.0], [4, 64], [False, True]),
        of("dev", "gold", 8, [-0.2, 0.1], [3.0, 0.0], [16, 64], [False, True]),
        of("mine", "predicted", 5, [0.5, 0.5], [0.5, 0.5], [8, 8], [True, False]),
    ]
    summary = json.loads(json.dumps(summarise(rows)))
    assert [(part["split"], part["target"]) for part in summary] == [("dev", "gold"), ("mine", "predicted")]
    gold, mined = summary
    assert (gold["examples"], gold["mean_tokens"]) == (2, 6)
    assert gold["completeness_gap"]["mean"] == pytest.approx([0.15, 0.2])
    assert gold["completeness_gap"]["max"] == pytest.approx([0.2, 0.3])
    assert gold["output_change_mean"] == pytest.approx([2.0, 1.0])
    assert (gold["steps_mean"], gold["unconverged"]) == ([10, 64], [0, 2])
    assert mined["unconverged"] == [1, 0]


def test_both_can_be_written(tmp_path):
    rows = [row(0, [0.5, 0.25], unconverged=[True, False])]
    write_csv(tmp_path / "completeness.csv", gap_rows(rows, task="rte", seed=2))
    write_json(tmp_path / "unconverged.json", {"estimates": unconverged_rows(rows)})
    assert (tmp_path / "completeness.csv").read_text().splitlines() == [
        "task,seed,layer,n,q05,q25,median,q75,q95,max,change,steps,unconverged",
        "rte,2,0,1,0.5,0.5,0.5,0.5,0.5,0.5,1.0,4.0,1",
        "rte,2,1,1,0.25,0.25,0.25,0.25,0.25,0.25,2.0,8.0,0",
    ]
    assert '"example_id": "e-0"' in (tmp_path / "unconverged.json").read_text()
