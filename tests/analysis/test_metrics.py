"""The few numbers that DVC compares, picked from small records."""

from typing import Any

import pytest

from pipeline.analysis.metrics import task_metrics


def records_of(task: str, seed: int, shift: float = 0.0) -> dict[str, list[dict[str, Any]]]:
    """One model's; every number that is picked is larger by `shift`, fractions by a hundredth of it."""
    key, share = {"task": task, "seed": seed}, shift / 100

    def value(number: float) -> dict[str, float]:
        return {"value": number, "low": -99.0, "high": 99.0}

    return {
        "finetune": [{**key, "accuracy": 0.5 + share}],
        "attribute": [{**key, "unconverged": 5 + 2 * shift, "estimates": 200}],
        "effectiveness": [
            {**key, "area_difference": [
                {"method": "attribution_gold", "minus": "attribution_predicted", **value(-1)},
                {"method": "attribution_gold", "minus": "attention", **value(-2)},
                {"method": "attribution_predicted", "minus": "attention", **value(8 + shift)},
            ]}
        ],
        "prune": [
            {**key, "leads": [
                {"normalise": how, "over": over, "over_normalise": how, **value(number)}
                for how, over, number in [
                    ("layer_l2", "taylor", -1), ("none", "attention", -2), ("none", "taylor", 3 + shift),
                    ("layer_l2", "random", -3),
                ]
            ] + [{"normalise": "none", "over": "random", "over_normalise": "none", **value(4 + shift)}]}
        ],
        "universality": [{"functional": [
            {**key, "ranking": "x", "lost": value(6 + shift)}, {**key, "ranking": "y", "lost": value(8 + shift)},
        ]}],
        "tree": [{**key, "random": {"difference": value(0.25 + share)}}],
        "receptive_field": [{**key, "slope": value(0.125 + shift), "with_special": {"slope": value(-1)}}],
        "triggers": [
            {**key, "best": {"mined": {"mean_drop": value(0.375 + share), "lead": None},
                             "random": {"mean_drop": value(-1), "lead": value(0.0625 + share)}}}
        ],
        "convergence": [{**key, "paper": {"error": value(0.1875 + share)}}],
    }  # fmt: skip


NUMBERS = {
    "accuracy": 50,
    "unconverged": 2.5,
    "area": 8,
    "taylor": 3,
    "foreign": 7,
    "tree": 25,
    "slope": 0.125,
    "triggers": 37.5,
    "control": 6.25,
    "steps20": 18.75,
}


def joined(*all_records: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    joint = {name: [record for records in all_records for record in records[name]] for name in all_records[0]}
    functional = [part for record in joint["universality"] for part in record["functional"]]
    return joint | {"universality": [{"functional": functional}]}


def test_the_numbers_by_hand():
    assert task_metrics(records_of("rte", 1), "rte") == NUMBERS | {"random": 4}


def test_numbers_are_means_over_seeds():
    both = joined(records_of("rte", 1), records_of("rte", 2, shift=1))
    expected = {name: number + 0.5 for name, number in (NUMBERS | {"random": 4}).items()}
    assert task_metrics(both, "rte") == pytest.approx(expected)


def test_a_seed_without_a_number_is_left_out_of_the_mean():
    lacking = records_of("rte", 2) | {"receptive_field": [{"task": "rte", "seed": 2, "slope": None}]}
    assert task_metrics(joined(records_of("rte", 1), lacking), "rte")["slope"] == 0.125


def test_another_tasks_records_do_not_count():
    both = joined(records_of("mnli", 1, shift=50), records_of("rte", 1))
    assert task_metrics(both, "rte") == task_metrics(records_of("rte", 1), "rte")


def test_what_a_run_does_not_have_is_none():
    key = {"task": "rte", "seed": 1}
    bare = records_of("rte", 1) | {
        "attribute": [{**key, "unconverged": None, "estimates": 200}],  # a fixed number of steps
        "effectiveness": [{**key, "area_difference": []}],
        "prune": [{**key, "leads": []}],
        "universality": [{"functional": []}],
        "receptive_field": [{**key, "slope": None}],
        "triggers": [{**key, "best": {}}],
        "convergence": [key],
    }
    found = task_metrics(bare, "rte")
    known = {name: number for name, number in found.items() if number is not None}
    assert known == {"accuracy": 50, "tree": 25}
    assert list(found) == list(task_metrics(records_of("rte", 1), "rte"))


def test_there_are_at_most_a_dozen_numbers_with_the_same_names_for_all_tasks():
    full, other = records_of("mnli", 1), records_of("sst2", 1)
    names = list(task_metrics(full, "mnli"))
    assert 1 < len(names) <= 12
    assert names == list(task_metrics(other, "sst2")) == list(task_metrics(full, "sst2"))
    # DVC takes a key of that name for a failure.
    assert "error" not in names
    assert set(task_metrics(full, "sst2").values()) == {None}
