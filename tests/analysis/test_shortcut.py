"""Claim N4 on data in which the answer is known, by the pipeline's own statistics and rule."""

import numpy as np
import pytest

from pipeline.analysis.claims import judge
from pipeline.analysis.quantities import Shortcut
from pipeline.analysis.rules import Rules, read_rules
from pipeline.analysis.shortcut import ranking
from pipeline.analysis.statistics import Mean, statistics
from pipeline.values.columns import ATTRIBUTION

DRAWS = 60


@pytest.fixture(scope="module")
def rule():
    (found,) = (one for one in read_rules().rules if one.id == "N4")
    return found


def verdict(rule, rng, *, names_it, models, n, relied=40.0):
    """Of models whose word is the first with the probability `names_it(tokens)`."""
    tokens = rng.integers(8, 30, n)

    def model():
        first = rng.random(n) < names_it(tokens)
        rows = [
            {"example_id": str(at), "method": ATTRIBUTION, "first": bool(hit), "tokens": int(of), "brought": 0.5}
            for at, (hit, of) in enumerate(zip(first, tokens, strict=True))
        ]
        of_examples = 100 * (rng.random(n) < relied / 100).astype(float)
        return ranking(rows) | {Shortcut.RELIED.key(): Mean("relied", "points", of_examples, step=100)}

    found = statistics("sst2", [model() for _ in range(models)])
    (claim,) = judge(Rules((rule,), {}, ""), {"shortcut": found}, weak={"sst2": "weak"}, seeds={"sst2": range(models)})
    return claim["tasks"][0]["verdict"], claim["tasks"][0]["why"]


@pytest.mark.parametrize(("models", "n"), [(3, 20), (8, 60)])
@pytest.mark.parametrize(
    "names_it", [lambda tokens: 1 / tokens, lambda tokens: np.full(len(tokens), 1 / 3)], ids=["random", "decoys blind"]
)
def test_neither_random_ranks_nor_one_of_three_planted_words_is_found(rule, models, n, names_it):
    rng = np.random.default_rng(models)
    found = [verdict(rule, rng, names_it=names_it, models=models, n=n)[0] for _ in range(DRAWS)]
    assert "reproduced" not in found
    if n == 60:
        assert found.count("not reproduced") > 0.9 * DRAWS


def test_a_word_that_comes_first_is_found_but_not_by_models_that_do_not_rely_on_it(rule):
    rng = np.random.default_rng(0)
    how = {"names_it": lambda tokens: np.full(len(tokens), 0.95), "models": 3, "n": 40}
    assert verdict(rule, rng, **how) == ("reproduced", None)
    assert verdict(rule, rng, **how, relied=0.0) == ("open", "the models do not rely on the word")
