"""Subsets that leave nothing to chance."""

import hashlib
from collections.abc import Sequence


def first_by_hash(ids: Sequence[str], count: int | None) -> list[int]:
    """The places, increasing, of the `count` ids whose SHA-256 comes first; of all ids for None or too large a count.

    The choice depends on the ids alone, and a smaller one is part of a larger one.
    """
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    return sorted(order[:count])
