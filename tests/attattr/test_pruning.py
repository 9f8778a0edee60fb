from itertools import permutations

import pytest
import torch

from attattr import AttributionError
from attattr.pruning import global_masks, head_order, masked_counts, per_layer_masks, ranks

# Layer 0 has a tie between heads 0 and 2.
IMPORTANCE = torch.tensor([[0.2, 0.9, 0.2], [0.5, -1.0, 0.3]])


def test_the_order_goes_by_importance_and_ties_by_index():
    assert head_order(IMPORTANCE, direction="lowest_first").tolist() == [[0, 2, 1], [1, 2, 0]]
    assert head_order(IMPORTANCE, direction="highest_first").tolist() == [[1, 0, 2], [0, 2, 1]]
    equal = torch.ones(40)
    for direction in ("lowest_first", "highest_first"):
        assert head_order(equal, direction=direction).tolist() == list(range(40))


def test_ranks_order_by_importance_and_give_every_order_of_equal_heads_the_same_chance():
    generator = torch.Generator().manual_seed(0)
    importance = torch.tensor([0.5, -1.0, 0.5, 2.0, 0.5]).expand(6000, 5)
    found = ranks(importance, generator=generator)
    assert found.dtype == torch.int64
    assert found[:, [1, 3]].unique(dim=0).tolist() == [[0, 4]]
    orders, counts = found[:, [0, 2, 4]].unique(dim=0, return_counts=True)
    assert orders.tolist() == [list(order) for order in permutations([1, 2, 3])]
    # Each has 1000 of 6000, give or take four standard deviations.
    assert all(abs(count - 1000) < 4 * (6000 / 6 * 5 / 6) ** 0.5 for count in counts.tolist())


def test_ranks_without_ties_leave_nothing_to_chance():
    importance = torch.randn(3, 4, 12, generator=torch.Generator().manual_seed(1))
    for seed in (0, 1):
        found = ranks(importance, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(found, (importance[..., None, :] < importance[..., :, None]).sum(-1))
        for direction in ("lowest_first", "highest_first"):
            expected = per_layer_masks(importance, direction=direction)
            assert torch.equal(per_layer_masks(found, direction=direction), expected)


def test_masks_per_layer_by_hand():
    assert per_layer_masks(IMPORTANCE, direction="lowest_first").tolist() == [
        [[1, 1, 1], [1, 1, 1]],
        [[0, 1, 1], [1, 0, 1]],
        [[0, 1, 0], [1, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]
    assert per_layer_masks(IMPORTANCE, direction="highest_first").tolist() == [
        [[1, 1, 1], [1, 1, 1]],
        [[1, 0, 1], [0, 1, 1]],
        [[0, 0, 1], [0, 1, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_masks_per_layer_of_several_examples_are_those_of_each():
    examples = torch.stack([IMPORTANCE, -IMPORTANCE])
    masks = per_layer_masks(examples, direction="lowest_first")
    assert masks.shape == (4, 2, 2, 3)
    assert torch.equal(masks[:, 0], per_layer_masks(IMPORTANCE, direction="lowest_first"))
    assert torch.equal(masks[:, 1], per_layer_masks(-IMPORTANCE, direction="lowest_first"))


def test_global_masks_by_hand():
    # Lowest first: (1, 1), then the tie (0, 0) before (0, 2), (1, 2), (1, 0), (0, 1).
    assert global_masks(IMPORTANCE, [0, 1, 2, 3, 5, 6]).tolist() == [
        [[1, 1, 1], [1, 1, 1]],
        [[1, 1, 1], [1, 0, 1]],
        [[0, 1, 1], [1, 0, 1]],
        [[0, 1, 0], [1, 0, 1]],
        [[0, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]


@pytest.mark.parametrize(
    ("rates", "heads", "half_up", "down"),
    [
        ([0.0, 0.5, 1.0], 16, [0, 8, 16], [0, 8, 16]),
        # The released code's numbers at 20, 40, 70 and 90 %.
        ([0.0, 0.2, 0.4, 0.7, 0.9, 1.0], 144, [0, 29, 58, 101, 130, 144], [0, 28, 57, 100, 129, 144]),
        # A half is rounded up.
        ([0.1, 0.3, 0.7], 5, [1, 2, 4], [0, 1, 3]),
    ],
)
def test_counts_are_rates_rounded_to_whole_heads(rates, heads, half_up, down):
    assert masked_counts(rates, heads=heads, rounding="half_up") == half_up
    assert masked_counts(rates, heads=heads, rounding="down") == down
    with pytest.raises(AttributionError, match="rounding is 'up': it must be half_up or down"):
        masked_counts(rates, heads=heads, rounding="up")


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_the_unit_interval_is_refused(rate):
    with pytest.raises(AttributionError, match=r"must lie in \[0, 1\]"):
        masked_counts([0.0, rate], heads=4, rounding="down")


def test_an_unknown_direction_is_refused():
    with pytest.raises(AttributionError, match="direction is 'random': it must be lowest_first or highest_first"):
        head_order(IMPORTANCE, direction="random")
