"""The batches of one training epoch: alike in length, in an order drawn from the seed and the epoch."""

from collections.abc import Sequence

import torch

from attattr.randomness import derived_seed

# Batches that are sorted by length together: enough for little padding, few enough to stay random.
POOL = 50


def epoch_batches(lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of the examples, each once per epoch, in batches of `batch_size` (the last may be smaller)."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "training order", epoch))
    order = torch.randperm(len(lengths), generator=generator).tolist()
    size = POOL * batch_size
    batches = []
    for start in range(0, len(order), size):
        pool = sorted(order[start : start + size], key=lambda index: lengths[index])
        batches += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    return [batches[number] for number in torch.randperm(len(batches), generator=generator).tolist()]
