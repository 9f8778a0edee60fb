import itertools

import pytest
import torch

from pipeline.attattr import AttributionError
from pipeline.attattr.pruning import global_masks, head_order, masked_counts, per_layer_masks

# Layer 0 has a tie between heads 0 and 2.
IMPORTANCE = torch.tensor([[0.2, 0.9, 0.2], [0.5, -1.0, 0.3]])


def test_the_order_goes_by_importance_and_ties_by_index():
    assert head_order(IMPORTANCE, direction="lowest_first").tolist() == [[0, 2, 1], [1, 2, 0]]
    assert head_order(IMPORTANCE, direction="highest_first").tolist() == [[1, 0, 2], [0, 2, 1]]
    equal = torch.ones(40)
    for direction in ("lowest_first", "highest_first"):
        assert head_order(equal, direction=direction).tolist() == list(range(40))


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
    assert global_masks(IMPORTANCE, [0, 1, 2, 3, 5, 6], ties=torch.arange(6)).tolist() == [
        [[1, 1, 1], [1, 1, 1]],
        [[1, 1, 1], [1, 0, 1]],
        [[0, 1, 1], [1, 0, 1]],
        [[0, 1, 0], [1, 0, 1]],
        [[0, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_equally_important_heads_leave_in_the_order_of_ties():
    # The tie is between heads 0 and 2.
    for ties in itertools.permutations(range(6)):
        (mask,) = global_masks(IMPORTANCE, [2], ties=torch.tensor(ties))
        gone = 0 if ties.index(0) < ties.index(2) else 2
        expected = torch.ones(6)
        expected[[4, gone]] = 0
        assert torch.equal(mask.flatten(), expected)
    flat = global_masks(torch.zeros(2, 3), [1, 2, 3], ties=torch.tensor([4, 1, 5, 0, 2, 3]))
    assert [row.flatten().tolist() for row in flat] == [[1, 1, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1], [1, 0, 1, 1, 0, 0]]


@pytest.mark.parametrize("ties", [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 4], [1, 2, 3, 4, 5, 6]])
def test_ties_must_name_every_head_once(ties):
    with pytest.raises(AttributionError, match="ties must name each of the 6 heads once"):
        global_masks(IMPORTANCE, [1], ties=torch.tensor(ties))


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
