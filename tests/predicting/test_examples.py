from itertools import pairwise

import pytest
import torch

from attattr.examples import Example, collate
from pipeline.predicting.examples import length_batches, read_examples, subset
from pipeline.values.store import write_rows

SHORT = Example("a", [2, 7, 3], [0, 0, 0], 1, [[1, 2]])
LONG = Example("b", [2, 8, 3, 9, 3], [0, 0, 0, 1, 1], 0, [[1, 2], [3, 4]])


def test_collate_pads_on_the_right_to_the_longest():
    batch = collate([SHORT, LONG], pad_id=4)
    assert batch.example_ids == ["a", "b"]
    assert batch.input_ids.tolist() == [[2, 7, 3, 4, 4], [2, 8, 3, 9, 3]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch.token_type_ids.tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]]
    assert batch.labels.tolist() == [1, 0]
    assert batch.input_ids.dtype == torch.long


def test_a_batch_moves_as_a_whole():
    batch = collate([SHORT], pad_id=0)
    moved = batch.to("meta")
    assert moved.example_ids == ["a"]
    for name in ("input_ids", "attention_mask", "token_type_ids", "labels"):
        assert getattr(moved, name).device.type == "meta"
        assert getattr(moved, name).shape == getattr(batch, name).shape


@pytest.mark.parametrize("extra", [{}, {"deciding_positions": [1]}])
def test_examples_are_read_in_the_order_of_the_file(tmp_path, extra):
    write_rows(tmp_path / "x.parquet", [{**vars(example), **extra} for example in (LONG, SHORT)])
    assert read_examples(tmp_path / "x.parquet") == [LONG, SHORT]
    assert [len(example) for example in read_examples(tmp_path / "x.parquet")] == [5, 3]


@pytest.mark.parametrize(("token_budget", "copies"), [(20, 1), (60, 3), (1000, 1)])
def test_batches_hold_every_example_once_in_order_of_length(random_examples, token_budget, copies):
    examples = random_examples([7, 3, 12, 3, 9, 7, 7, 20, 4])
    batches = length_batches(examples, token_budget=token_budget, copies=copies)
    ids = [example.example_id for batch in batches for example in batch]
    assert sorted(ids) == sorted(example.example_id for example in examples)
    lengths = [len(example) for batch in batches for example in batch]
    assert lengths == sorted(lengths)
    for batch in batches:
        area = len(batch) * max(len(example) for example in batch)
        assert len(batch) == 1 or area * copies <= token_budget


def test_a_subset_is_in_order_and_part_of_every_larger_one(random_examples):
    examples = random_examples([4] * 30)
    chosen = [subset(examples, count) for count in range(31)]
    for count, part in enumerate(chosen):
        places = [examples.index(example) for example in part]
        assert places == sorted(set(places))
        assert len(places) == count
    for smaller, larger in pairwise(chosen):
        assert all(example in larger for example in smaller)
    assert chosen[10] != examples[:10]
    assert subset(chosen[20], 10) == chosen[10]


@pytest.mark.parametrize("count", [None, 30, 100])
def test_a_subset_of_all_is_all(random_examples, count):
    examples = random_examples([4] * 30)
    assert subset(examples, count) == examples
