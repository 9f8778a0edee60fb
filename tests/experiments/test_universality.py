import numpy as np
import pytest
import torch

from pipeline.experiments.prune import Ranking, correctness
from pipeline.experiments.universality import foreign_correctness

RATES = [0.0, 0.25, 0.5, 1.0]


@pytest.fixture
def settings(section):
    return section("universality", rates=RATES)


@pytest.mark.parametrize("token_budget", ["auto", 30])
def test_heads_leave_in_the_order_of_every_tasks_ranking(
    settings, tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    generator = np.random.default_rng(0)
    importance = {task: generator.random((2, 4)) for task in ("rte", "mnli", "sst2")}
    counts, correct = foreign_correctness(model, examples, importance, settings=settings, token_budget=token_budget)
    assert counts == [0, 2, 4, 8]
    assert correct.shape == (3, 4, 5)
    assert correct.dtype == bool
    for number, values in enumerate(importance.values()):
        order = np.argsort(values.ravel())
        for place, count in enumerate(counts):
            keep = torch.ones(8)
            keep[order[:count].tolist()] = 0
            changed = without_heads(model, keep.view(2, 4))
            with torch.no_grad():
                logits = torch.cat([changed(**padded(model, [example])).logits for example in examples])
            expected = [int(row.argmax()) == example.label for row, example in zip(logits, examples, strict=True)]
            assert correct[number, place].tolist() == expected
    assert len({correct[number].tobytes() for number in range(3)}) > 1


def test_the_own_ranking_from_a_file_prunes_as_in_the_pruning_experiment(settings, tiny_model, random_examples):
    """Ten digits in a file are more than float32 has, so that equal importances stay equal, and ties go by index."""
    model, examples = tiny_model(seed=1), random_examples([6, 9, 4, 6, 7, 8], seed=1)
    importance = torch.rand(2, 4, generator=torch.Generator().manual_seed(0)) / 3
    importance[0, 1] = importance[1, 2] = importance[1, 0]
    read = np.array([[float(f"{value:.10g}") for value in row] for row in importance.tolist()])
    found = foreign_correctness(model, examples, {"rte": read}, settings=settings, token_budget="auto")
    expected = correctness(model, examples, [Ranking("x", "none", 0, importance)], rates=RATES, token_budget="auto")
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


def test_an_array_that_cannot_be_written_to_is_read(settings, tiny_model, random_examples, recwarn):
    values = np.arange(8.0).reshape(2, 4)
    values.flags.writeable = False
    foreign_correctness(tiny_model(), random_examples([5]), {"rte": values}, settings=settings, token_budget="auto")
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]
