"""The few numbers that DVC compares, picked from small records and statistics."""

import pytest

from pipeline.analysis.metrics import STATISTICS, task_metrics
from pipeline.analysis.statistics import Single, statistics


def found_of(tasks, *, value=0.5, leave_out=()):
    """Statistics of every experiment: `value` for the first that is picked, one more for each that follows."""
    found = {key.experiment: [] for key, _ in STATISTICS.values()}
    for task in tasks:
        for number, (column, (key, _)) in enumerate(STATISTICS.items()):
            undefined = column in leave_out
            models = [{key: Single("", "", None if undefined else value + number + seed)} for seed in (-0.25, 0.25)]
            found[key.experiment] += statistics(task, models)
    return found


def records_of(task, accuracies=(0.5, 0.75), counts=(5, 10)):
    key = {"task": task}
    return {
        "finetune": [{**key, "accuracy": accuracy} for accuracy in accuracies],
        "attribute": [{**key, "unconverged": count, "estimates": 200} for count in counts],
    }


def test_the_numbers_by_hand():
    found = task_metrics(records_of("rte"), found_of(["mnli", "rte"]), "rte")
    assert (found["accuracy"], found["unconverged"]) == (62.5, 3.75)
    picked = [found[column] for column in STATISTICS]
    scales = [scale for _, scale in STATISTICS.values()]
    assert picked == pytest.approx([scale * (0.5 + number) for number, scale in enumerate(scales)])


def test_what_a_run_does_not_have_is_none():
    fixed_steps = records_of("rte", counts=(None, None))
    found = task_metrics(fixed_steps, found_of(["rte"], leave_out=("taylor", "tree")), "rte")
    assert {name for name, value in found.items() if value is None} == {"unconverged", "taylor", "tree"}
    assert task_metrics(records_of("rte"), found_of(["mnli"]), "rte")["head_area"] is None


def test_there_are_at_most_a_dozen_numbers_with_the_same_names_for_all_tasks():
    names = list(task_metrics(records_of("rte"), found_of(["rte"]), "rte"))
    assert 1 < len(names) <= 12
    assert names == list(task_metrics(records_of("sst2"), found_of([]), "sst2"))
    # DVC takes a key of that name for a failure.
    assert "error" not in names
