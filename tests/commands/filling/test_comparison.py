"""Words about scores follow from intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pipeline.analysis.quantities import Truth
from pipeline.analysis.statistics import statistics
from pipeline.analysis.truth import leads
from pipeline.commands.filling.comparison import Measured, choice, difference, first, in_words, words
from pipeline.commands.filling.questions import QUESTIONS

GROUPS = QUESTIONS[1]
ONE, MARGIN, GRADIENT, ATTENTION = "attribution", "attribution_margin", "gradient_x_attention", "attention"
Ends = tuple[float, float | None, float | None]


def record(value: float | None, low: float | None = None, high: float | None = None, models: int = 3) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "replicates": models, "n": 6}


def task(differences: Mapping[str, Ends], *, name: str = "sst2", models: int = 3) -> Measured:
    """What attribution loses in groups beyond each other score: value, low, high."""
    return Measured(
        "mini", name, {f"lost/attribution-{other}": record(*of, models) for other, of in differences.items()}
    )


@pytest.mark.parametrize(
    ("ends", "models", "said"),
    [
        ((0.2, 0.1, 0.3), 3, "better"),
        ((-0.2, -0.3, -0.1), 3, "worse"),
        ((0.2, 0.0, 0.4), 3, "undecided"),
        ((0.2, -0.1, 0.5), 3, "undecided"),
        ((0.2, None, None), 3, "undecided"),  # nothing varied
        ((0.2, 0.1, 0.3), 2, "undecided"),  # of these very models
    ],
)
def test_the_word_follows_the_interval(ends: Ends, models: int, said: str) -> None:
    found = difference(GROUPS, task({ATTENTION: ends}, models=models), ONE, ATTENTION)
    assert found
    assert found.word == said


def test_a_difference_the_other_way_round_has_its_ends_turned() -> None:
    found = difference(GROUPS, task({ATTENTION: (0.2, 0.1, 0.4)}), ATTENTION, ONE)
    assert found
    assert (found.value, found.low, found.high, found.word) == (-0.2, -0.4, -0.1, "worse")


def test_what_a_run_does_not_have_is_no_difference() -> None:
    assert difference(GROUPS, task({}), ONE, ATTENTION) is None
    assert difference(GROUPS, task({ATTENTION: (0.2, 0.1, 0.4)}), GRADIENT, ATTENTION) is None  # never compared
    undefined = Measured("mini", "sst2", {"lost/attribution-attention": record(None)})
    assert difference(GROUPS, undefined, ONE, ATTENTION) is None


def test_ranks_are_means_over_tasks_and_a_tie_goes_to_the_cheapest() -> None:
    ahead, behind = (-0.2, -0.5, 0.1), (0.2, -0.1, 0.5)
    assert first(GROUPS, [task({GRADIENT: ahead, ATTENTION: behind})]) == GRADIENT
    # All three have rank 2 on average; what one task lacks has none.
    apart = [task({GRADIENT: ahead, ATTENTION: behind}), task({GRADIENT: behind, ATTENTION: ahead, "joint": ahead})]
    assert first(GROUPS, apart) == ATTENTION
    assert first(GROUPS, [task({"random": ahead})]) == ONE  # which nobody would take
    assert first(GROUPS, []) is None


BETTER, WORSE, OPEN = (0.2, 0.1, 0.3), (-0.2, -0.3, -0.1), (0.01, -0.1, 0.12)


def test_another_score_is_taken_where_most_tasks_and_two_at_least_say_so() -> None:
    assert choice(GROUPS, [task({GRADIENT: WORSE})] * 2) == (GRADIENT,)
    assert choice(GROUPS, [task({GRADIENT: WORSE})]) == (ONE, GRADIENT)
    assert choice(GROUPS, [task({GRADIENT: one}) for one in (WORSE, WORSE, OPEN, OPEN)]) == (ONE, GRADIENT)
    assert choice(GROUPS, [task({GRADIENT: one}) for one in (WORSE, WORSE, BETTER)]) == (ONE, GRADIENT)  # by value


def test_the_papers_is_taken_where_it_is_first_and_something_that_one_could_take_is_behind() -> None:
    assert choice(GROUPS, [task({GRADIENT: OPEN, ATTENTION: BETTER})] * 2) == (ONE,)
    assert choice(GROUPS, [task({GRADIENT: OPEN, ATTENTION: BETTER})]) == ()
    assert choice(GROUPS, [task({GRADIENT: OPEN, "random": BETTER})] * 2) == ()
    assert choice(GROUPS, [task({GRADIENT: (-0.01, -0.1, 0.1), ATTENTION: BETTER})] * 2) == (ONE, GRADIENT)
    assert choice(GROUPS, []) == ()


def test_in_words_it_is_counted() -> None:
    said = words(GROUPS, [task({GRADIENT: one, ATTENTION: BETTER, "random": OPEN}) for one in (WORSE, OPEN)], ONE)
    assert said == {GRADIENT: ["worse", "undecided"], ATTENTION: ["better"] * 2, "random": ["undecided"] * 2}
    assert in_words(GROUPS, said) == (
        "better than attention (2 of 2); worse than gradient × attention (1 of 2); not told apart from random"
    )
    assert in_words(GROUPS, {}) == "not compared"


def test_of_noise_hardly_ever_a_score_is_taken() -> None:
    """Eight scores that know equally much, three models with effects of their own, two tasks."""
    draw = np.random.default_rng(3)

    def noise(name: str) -> Measured:
        of_models = []
        for _ in range(3):
            values = {score: draw.normal() + draw.normal(size=20) for score in GROUPS.scores}
            of_models.append(leads(Truth.LOST_LEAD, "lost", "log-odds", values, leader=ONE))
        return Measured("mini", name, {one.key.text: one.record() for one in statistics(name, of_models)})

    taken = [choice(GROUPS, [noise("a"), noise("b")]) for _ in range(150)]
    assert sum(len(one) == 1 for one in taken) <= 3
