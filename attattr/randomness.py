"""Where chance comes from: a seed and the name of the choice."""

import hashlib
import json


def derived_seed(seed: int, *names: object) -> int:
    """The seed, 63 bits, of the random choice that `names` (strings and whole numbers) tell from all others.

    Choices are independent of each other, and each is the same in every run with the same `seed`, whatever else that
    run draws (docs/method.md, "Replicates").
    """
    # As JSON, so that ("ab", "c") and ("a", "bc"), or 1 and "1", are different names.
    text = json.dumps([seed, *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
