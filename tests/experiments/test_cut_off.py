"""Every long experiment, cut off after each of its steps: it goes on from there, and comes to the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from attattr import attribute
from attattr.examples import inputs_of
from attattr.insertion import Pattern
from pipeline.experiments import convergence
from pipeline.experiments.effectiveness import outcomes as effectiveness
from pipeline.experiments.tree.measure import measure as measure_tree
from pipeline.experiments.triggers.controls import attention_triggers
from pipeline.experiments.triggers.hotflip import hotflip_triggers
from pipeline.experiments.triggers.measure import evaluate
from pipeline.experiments.triggers.mining import Trigger
from pipeline.experiments.truth import knock_outs, randomise
from pipeline.launch import steps
from pipeline.launch.steps import steps_in
from pipeline.launch.unfinished import Unfinished
from pipeline.measuring.head_orders import pruned_predictions, random_rankings
from pipeline.measuring.heads import largest_gradients, per_example, removal_logits, taylor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUDGET = 24  # tokens: several batches


class PowerCut(BaseException):
    pass


class _CutOff(steps._Kept):  # pyright: ignore[reportPrivateUsage]
    """The power goes whenever one more step is written."""

    def write(self) -> None:
        fresh = bool(self._fresh)
        super().write()
        if fresh:
            raise PowerCut


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Callable[[], Any]], Any]:
    """What a run comes to that is cut off after every step, and how many steps it has."""

    def run(experiment: Callable[[], Any]) -> tuple[Any, int]:
        monkeypatch.setattr(steps, "EVERY", -1.0)
        monkeypatch.setattr(steps, "_Kept", _CutOff)
        for cuts in range(300):
            try:
                with steps_in(Unfinished(tmp_path / "work", "key")):
                    return experiment(), cuts
            except PowerCut:
                pass
        raise AssertionError("it does not come to an end")

    return run


@pytest.fixture(params=["prune", "heads", "effectiveness", "removal", "knock_outs", "randomise", "error_rows"])
def head_experiment(
    request: pytest.FixtureRequest, tiny_model: Any, random_examples: Any, section: Any
) -> tuple[Callable[[], Any], int]:
    """An experiment, and the least number of steps that it is cut into."""
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    short = examples[:2]
    budget = {"token_budget": BUDGET}
    orders = random_rankings(torch.Size([2, 4]), count=2, seed=1)
    ranks = torch.stack([torch.randperm(8, generator=torch.Generator().manual_seed(n)).view(2, 4) for n in range(5)])
    truth = section("truth", top_k=3, group_sizes=[1, 2])
    fine = section("convergence", rules=["left"], steps=[1, 4], reference_steps=8)
    runs: dict[str, tuple[Callable[[], Any], int]] = {
        "prune": (
            lambda: pruned_predictions(model, examples, orders, settings=section("prune"), seed=5, **budget),
            2,
        ),
        "heads": (
            lambda: [per_example(model, examples, measure, **budget) for measure in (taylor, largest_gradients)],
            4,
        ),
        "effectiveness": (lambda: effectiveness(model, examples, {"a": ranks.argsort(dim=2)}, **budget), 2),
        "removal": (lambda: removal_logits(model, examples, **budget), 2),
        "knock_outs": (lambda: knock_outs.outcomes(model, short, settings=truth, seed=1, **budget), 2),
        "randomise": (lambda: randomise.outcomes(model, short, seed=1, **budget), 2 + 2 * 3),
        "error_rows": (lambda: convergence.error_rows(model, short, settings=fine, **budget), 6),
    }
    return runs[request.param]


def _same(one: Any, other: Any) -> None:
    """The same values of the same types, in the same order."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list | tuple):
        for part, again in zip(one, other, strict=True):
            _same(part, again)
    elif isinstance(one, np.ndarray | torch.Tensor):
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def test_an_experiment_goes_on_after_every_step(
    head_experiment: tuple[Callable[[], Any], int], cut_off: Callable[..., Any]
) -> None:
    experiment, least = head_experiment
    found, cuts = cut_off(experiment)
    assert cuts >= least
    _same(found, experiment())


def test_judged_rows_go_on_after_every_part(
    cut_off: Callable[..., Any], tiny_model: Any, random_examples: Any, section: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convergence, "AT_ONCE", 2)
    model, examples = tiny_model(), random_examples([5, 4, 6])
    settings = section("convergence", reference_steps=8)
    found, cuts = cut_off(lambda: convergence.judged_rows(model, examples, settings=settings, token_budget=BUDGET))
    assert cuts == 2
    _same(found, convergence.judged_rows(model, examples, settings=settings, token_budget=BUDGET))


def test_trees_go_on_after_every_example(
    cut_off: Callable[..., Any], tiny_model: Any, random_examples: Any, section: Any
) -> None:
    model, examples = tiny_model(), random_examples([6, 8])
    maps = {
        one.example_id: attribute(model, **inputs_of(model, [one]).arguments(), target="predicted", steps=2)
        .attribution[0]
        .sum(dim=1)
        .double()
        for one in examples
    }
    settings = section("tree", random_trees=2, random_sets=1, tau_grid=[0.0, 0.5])

    def run() -> Any:
        return measure_tree(model, examples, maps, settings=settings, seed=1, token_budget=64)

    found, cuts = cut_off(run)
    assert cuts == 2
    _same(tuple(found), tuple(run()))


def test_triggers_go_on_after_every_batch(
    cut_off: Callable[..., Any], tiny_model: Any, random_examples: Any, section: Any
) -> None:
    model, examples = tiny_model(labels=2), random_examples([6, 8, 5, 7], labels=2)
    mined = [Trigger("mined", number, Pattern((7, 9), (0, 0), (1, 2), 1.0), "e-0", number) for number in (0, 1)]
    rows = [{"example_id": one.example_id, "target_class": number % 2} for number, one in enumerate(examples)]
    by_id = {one.example_id: one for one in examples}
    settings, size = section("triggers"), {"max_length": 40, "token_budget": BUDGET}

    def run() -> Any:
        own = attention_triggers(model, rows, by_id, count=2, settings=settings, token_budget=BUDGET)
        flipped = hotflip_triggers(model, mined, examples, np.array([5, 9, 14, 33, 58]), candidates=2, rounds=2, **size)
        outcomes = evaluate(model, [replace(one, rank=9) for one in [*own, *flipped]], {"dev": examples}, **size)
        return [repr(one) for one in own], [repr(one) for one in flipped], outcomes

    found, cuts = cut_off(run)
    assert cuts > 10
    _same(found, run())
