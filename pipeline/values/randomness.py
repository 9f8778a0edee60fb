"""Where chance comes from: the run's seed and the name of the choice; and subsets that leave nothing to chance."""

import hashlib
import json
from collections.abc import Sequence


def derived_seed(seed: int, *names: object) -> int:
    """The seed, 63 bits, of the random choice that `names` (strings and whole numbers) tell from all others.

    Choices are independent of each other, and each is the same in every run with the same `seed`, whatever else that
    run draws (docs/method.md, "Replicates").
    """
    # As JSON, so that ("ab", "c") and ("a", "bc"), or 1 and "1", are different names.
    text = json.dumps([seed, *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def first_by_hash(ids: Sequence[str], count: int | None) -> list[int]:
    """The places, increasing, of the `count` ids whose SHA-256 comes first; of all ids for None or too large a count.

    The choice depends on the ids alone, and a smaller one is part of a larger one.
    """
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    return sorted(order[:count])
