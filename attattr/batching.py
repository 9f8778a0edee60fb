"""How examples and steps are cut into pieces of bounded size that carry little padding."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from transformers import PreTrainedModel

from attattr.attention import head_count, layer_count

# Tokens (examples x steps x positions) of one forward and backward pass: more bring no speed. On a CPU small pieces
# stay in the cache.
TOKEN_BUDGET = {"cpu": 2048, "cuda": 131072}
TokenBudget = int | Literal["auto"]
PADDING_SHARE = 0.1
MEMORY_SHARE = 0.5  # of what is free; the rest is for the results, and for other programs


def resolve_token_budget(
    token_budget: TokenBudget, model: PreTrainedModel, *, n: int, device: torch.device | None = None
) -> int:
    """Tokens per pass on `device` (default: the model's), for inputs of up to `n` tokens.

    "auto" is as many as pay, or fewer where the memory that is free does not hold them.
    """
    if token_budget != "auto":
        return token_budget
    device, config = device or model.device, model.config
    kept = 9 * config.hidden_size + 2 * getattr(config, "intermediate_size", 4 * config.hidden_size)
    attention = 3 * head_count(model) * n  # the pass that records the attention keeps a row per head
    per_token = layer_count(model) * (kept + attention) * model.dtype.itemsize
    most = TOKEN_BUDGET.get(device.type, TOKEN_BUDGET["cpu"])
    free = free_memory(device)
    return most if free is None else max(1, min(most, int(MEMORY_SHARE * free / per_token)))


def free_memory(device: torch.device) -> int | None:
    """Free bytes of a device, None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an allocation failed. On a CPU torch has no class of its own for that."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error)


def group_by_length(
    lengths: Sequence[int], *, copies: int, token_budget: int, padding_share: float = PADDING_SHARE
) -> list[list[int]]:
    """Indices of examples, grouped so that a group's passes fit the budget and at most a share of it is padding.

    `copies` is the number of steps each example is run for. Groups are in order of length, and a group holds at least
    one example, whatever its length.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    groups: list[list[int]] = []
    tokens = 0  # of the last group, without padding
    for index in order:
        group = groups[-1] if groups else []
        n = lengths[index]
        area = n * (len(group) + 1)
        padding = area - n - tokens
        if group and area * copies <= token_budget and padding <= padding_share * area:
            group.append(index)
            tokens += n
        else:
            groups.append([index])
            tokens = n
    return groups
