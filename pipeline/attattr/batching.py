"""How examples and steps are cut into pieces of bounded size that carry little padding."""

from collections.abc import Sequence

import torch

# Tokens (examples x steps x positions) of one forward and backward pass. On a CPU small pieces stay in the cache.
TOKEN_BUDGET = {"cpu": 2048, "cuda": 131072}
PADDING_SHARE = 0.1


def default_token_budget(device: torch.device) -> int:
    """Tokens per pass where the caller names none."""
    return TOKEN_BUDGET.get(device.type, TOKEN_BUDGET["cpu"])


def group_by_length(lengths: Sequence[int], *, copies: int, token_budget: int) -> list[list[int]]:
    """Indices of examples, grouped so that a group's passes fit the budget and at most a tenth of it is padding.

    `copies` is the number of steps each example is run for. Groups are in order of length, and a group holds at least
    one example, whatever its length.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    groups: list[list[int]] = []
    for index in order:
        group = groups[-1] if groups else []
        n = lengths[index]
        padding = sum(n - lengths[other] for other in group)
        area = n * (len(group) + 1)
        if group and area * copies <= token_budget and padding <= PADDING_SHARE * area:
            group.append(index)
        else:
            groups.append([index])
    return groups
