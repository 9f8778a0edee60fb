"""Steps of an experiment that is cut off: each is made once, and gives what it gave."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from pipeline.errors import InputError
from pipeline.launch import steps
from pipeline.launch.steps import step, steps_in
from pipeline.launch.unfinished import Unfinished

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Unfinished:
    monkeypatch.setattr(steps, "EVERY", -1.0)
    return Unfinished(tmp_path / "work", "key")


class Experiment:
    """Two rounds over the same three batches; `made` notes what was made, and `last` is where the power goes."""

    def __init__(self) -> None:
        self.made: list[tuple[int, str]] = []

    def run(self, work: Unfinished, *, last: int = 99, batches: tuple[str, ...] = ("a", "b", "c")) -> list[Any]:
        def make(number: int, batch: str) -> int:
            if len(self.made) == last:
                raise KeyError("power")
            self.made.append((number, batch))
            return 100 * number + ord(batch)

        with steps_in(work):
            return [step(lambda n=n, b=b: make(n, b), "square", [b]) for n in (1, 2) for b in batches]


@pytest.mark.parametrize("last", range(7))
def test_what_was_made_is_not_made_again(work: Unfinished, last: int) -> None:
    experiment = Experiment()
    if last < 6:
        with pytest.raises(KeyError):
            experiment.run(work, last=last)
    assert experiment.run(work) == [197, 198, 199, 297, 298, 299]
    assert experiment.made == [(1, "a"), (1, "b"), (1, "c"), (2, "a"), (2, "b"), (2, "c")]


def test_other_batches_are_other_steps(work: Unfinished) -> None:
    experiment = Experiment()
    with pytest.raises(KeyError):
        experiment.run(work, last=4)
    assert experiment.run(work, batches=("a", "d")) == [197, 200, 297, 300]
    assert experiment.made[4:] == [(1, "d"), (2, "d")]


def test_what_was_made_since_the_last_write_is_written_when_an_error_ends_the_run(
    work: Unfinished, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(steps, "EVERY", math.inf)
    experiment = Experiment()
    with pytest.raises(KeyError):
        experiment.run(work, last=4)
    assert len([*work.folder.iterdir()]) == 1
    experiment.run(work)
    assert len(experiment.made) == 6
    assert caplog.messages == ["resuming: 4 steps are done"]


def test_a_damaged_file_costs_its_own_steps_alone(work: Unfinished) -> None:
    experiment = Experiment()
    with pytest.raises(KeyError):
        experiment.run(work, last=4)
    second = sorted(work.folder.iterdir())[1]
    content = bytearray(second.read_bytes())
    content[len(content) // 2] ^= 1
    second.write_bytes(content)
    assert experiment.run(work, last=7) == [197, 198, 199, 297, 298, 299]
    assert experiment.made[4:] == [(1, "b"), (2, "b"), (2, "c")]
    assert experiment.run(work, last=7) == [197, 198, 199, 297, 298, 299]


def test_values_are_the_same_bits(work: Unfinished) -> None:
    value = {
        "row": [{"id": "e-1", "x": 0.1, "n": 3, "yes": True, "none": None, "nan": math.nan, "least": 5e-324}],
        "pair": (torch.tensor([[1 / 3]], dtype=torch.float64), torch.tensor([-0.0, math.inf, 1e-45])),
    }

    def cut_off() -> None:
        with steps_in(work):
            found.append(step(lambda: value, "values"))
            raise KeyError("power")

    found: list[Any] = []
    for _ in range(2):
        with pytest.raises(KeyError):
            cut_off()
    assert repr(found[1]) == repr(value)
    assert found[1] is not value
    for one, other in zip(found[1]["pair"], value["pair"], strict=True):
        assert torch.equal(one, other)
        assert one.dtype == other.dtype


def test_without_unfinished_work_a_step_is_just_made() -> None:
    assert [step(lambda n=n: n, "n") for n in (1, 2)] == [1, 2]


def test_a_full_disk_does_not_hide_what_ended_the_run(work: Unfinished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "EVERY", math.inf)

    def full(*_: object) -> None:
        raise InputError("No space left on device")

    monkeypatch.setattr(Unfinished, "write", full)
    with pytest.raises(KeyError):
        Experiment().run(work, last=2)
    monkeypatch.setattr(steps, "EVERY", -1.0)
    with pytest.raises(InputError, match="No space left"):
        Experiment().run(work)
