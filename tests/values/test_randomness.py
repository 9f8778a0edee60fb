"""Random choices come from the run's seed and their own names, and from nothing else."""

import hashlib
import re
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attattr.randomness import derived_seed
from pipeline.values.paths import SOURCE
from pipeline.values.randomness import first_by_hash

names = st.lists(st.text(max_size=5) | st.integers(-3, 1000), max_size=4).map(tuple)
ids = st.lists(st.text(max_size=6), unique=True, max_size=30)


def test_it_is_63_bits_of_the_digest_of_seed_and_names():
    digest = hashlib.sha256(b'[1, "random trees", "dev-7"]').hexdigest()
    assert derived_seed(1, "random trees", "dev-7") == int(digest[:16], 16) // 2
    assert all(0 <= derived_seed(seed, "x") < 2**63 for seed in range(100))
    # Every bit is used: one in two is set.
    bits = [derived_seed(seed, "x") >> bit & 1 for seed in range(200) for bit in range(63)]
    assert abs(sum(bits) / len(bits) - 0.5) < 0.03


@given(st.tuples(st.integers(0, 9), names), st.tuples(st.integers(0, 9), names))
def test_different_choices_have_different_seeds(first, second):
    assert (derived_seed(first[0], *first[1]) == derived_seed(second[0], *second[1])) == (first == second)


def test_names_are_neither_joined_nor_sorted_nor_taken_for_numbers():
    alike = [("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"), ("a,bc",), ('a", "bc',), (1,), ("1",), (1, 1), (11,), ()]
    assert len({derived_seed(0, *name) for name in alike}) == len(alike)
    assert derived_seed(1, 2) != derived_seed(2, 1)


def test_only_what_has_a_text_of_its_own_is_a_name():
    with pytest.raises(TypeError):
        derived_seed(1, object())


def test_every_generator_takes_such_a_seed():
    seed = max(derived_seed(number, "x") for number in range(100))
    assert torch.Generator().manual_seed(seed).initial_seed() == seed
    assert np.random.default_rng(seed).integers(9) == np.random.default_rng(seed).integers(9)


@given(ids, st.data())
def test_first_by_hash_does_not_depend_on_the_order_and_is_nested(given_ids, data):
    counts = data.draw(st.lists(st.integers(0, 35), min_size=2, max_size=2).map(sorted))
    smaller, larger = ([given_ids[place] for place in first_by_hash(given_ids, count)] for count in counts)
    assert len(smaller) == min(counts[0], len(given_ids))
    assert set(smaller) <= set(larger)
    shuffled = data.draw(st.permutations(given_ids))
    assert {shuffled[place] for place in first_by_hash(shuffled, counts[0])} == set(smaller)
    for count in counts:
        places = first_by_hash(given_ids, count)
        assert places == sorted(set(places))
    assert first_by_hash(given_ids, None) == list(range(len(given_ids)))


def test_first_by_hash_is_by_sha_256():
    for order in permutations(["dev-0", "dev-1", "dev-2"]):
        (place,) = first_by_hash(order, 1)
        assert order[place] == min(order, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


# The rows of planted tasks are data, the same for all seeds; the resamples of an analysis are no part of a replicate.
EXEMPT = ("pipeline/data/planted.py", "pipeline/analysis/")


def test_no_measuring_source_seeds_a_generator_with_anything_else():
    for path in sorted([*(SOURCE / "attattr").rglob("*.py"), *(SOURCE / "pipeline").rglob("*.py")]):
        if not path.relative_to(SOURCE).as_posix().startswith(EXEMPT):
            for line in path.read_text().splitlines():
                if re.search(r"\b(default_rng|manual_seed|RandomState|Random|seed_everything)\(", line):
                    assert "(derived_seed(" in line, f"{path}: {line}"
