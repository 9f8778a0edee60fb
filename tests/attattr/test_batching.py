import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attattr.batching import group_by_length


@settings(deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 200), max_size=60), copies=st.integers(1, 20), token_budget=st.integers(1, 5000))
def test_groups_hold_every_index_once_within_the_budget_with_little_padding(lengths, copies, token_budget):
    groups = group_by_length(lengths, copies=copies, token_budget=token_budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    in_order = [lengths[index] for group in groups for index in group]
    assert in_order == sorted(in_order)
    for group in groups:
        area = max(lengths[index] for index in group) * len(group)
        assert len(group) == 1 or area * copies <= token_budget
        assert area - sum(lengths[index] for index in group) <= 0.1 * area + 1e-9


def test_without_padding_a_group_has_one_length():
    groups = group_by_length([5, 9, 5, 8, 5], copies=1, token_budget=10, padding_share=0.0)
    assert groups == [[0, 2], [4], [3], [1]]


@pytest.mark.parametrize(
    ("lengths", "copies", "token_budget", "groups"),
    [
        ([5, 5, 5, 5], 1, 10, [[0, 1], [2, 3]]),
        ([5, 5, 5, 5], 2, 10, [[0], [1], [2], [3]]),
        ([9, 5, 5], 1, 100, [[1, 2], [0]]),
        ([100], 8, 10, [[0]]),
        ([], 1, 10, []),
    ],
)
def test_groups_by_hand(lengths, copies, token_budget, groups):
    assert group_by_length(lengths, copies=copies, token_budget=token_budget) == groups
