from itertools import pairwise

import pytest
import torch

from pipeline.training.batches import POOL, epoch_batches

LENGTHS = torch.randint(3, 40, (1003,), generator=torch.Generator().manual_seed(0)).tolist()


@pytest.mark.parametrize(("count", "batch_size"), [(1003, 8), (1003, 1), (7, 8), (400, 8), (1, 1)])
def test_every_example_once_per_epoch(count, batch_size):
    for epoch in (0, 1):
        batches = epoch_batches(LENGTHS[:count], batch_size=batch_size, seed=1, epoch=epoch)
        assert sorted(index for batch in batches for index in batch) == list(range(count))
        sizes = sorted(len(batch) for batch in batches)
        assert sizes[1:] == [batch_size] * (len(batches) - 1)
        assert sizes[0] == count % batch_size or sizes[0] == batch_size


def test_the_same_number_of_batches_in_every_epoch():
    counts = {len(epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=epoch)) for epoch in range(6)}
    assert counts == {126}


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else():
    def batches(seed, epoch):
        return epoch_batches(LENGTHS, batch_size=8, seed=seed, epoch=epoch)

    first = batches(1, 0)
    torch.manual_seed(99)
    torch.rand(5)
    assert batches(1, 0) == first
    others = [batches(1, 1), batches(2, 0), batches(0, 0), batches(0, 1)]
    assert all(other != first for other in others)
    # Which examples share a batch changes too, not only the order of the batches.
    assert all({frozenset(b) for b in other} != {frozenset(b) for b in first} for other in others)


def test_the_global_random_state_is_not_touched():
    before = torch.random.get_rng_state()
    epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_batches_are_alike_in_length_and_not_in_order_of_it():
    batches = epoch_batches(LENGTHS, batch_size=8, seed=1, epoch=0)

    def padding(groups):
        area = sum(len(group) * max(LENGTHS[index] for index in group) for group in groups)
        return 1 - sum(LENGTHS) / area

    shuffled = torch.randperm(len(LENGTHS), generator=torch.Generator().manual_seed(1)).split(8)
    assert padding(batches) < 0.1 < padding([part.tolist() for part in shuffled])
    longest = [max(LENGTHS[index] for index in batch) for batch in batches]
    rising = sum(a <= b for a, b in pairwise(longest))
    assert 0.3 < rising / len(longest) < 0.7
    assert len(LENGTHS) > POOL * 8
