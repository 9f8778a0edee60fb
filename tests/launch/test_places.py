"""Who runs on which GPU, by a stand-in for them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from pipeline.launch import processes
from pipeline.launch.places import VISIBLE, Places, gpus
from pipeline.launch.processes import jobs_at_once, places_for, run_processes

EIGHT = [str(number) for number in range(8)]


@pytest.mark.parametrize(
    ("given", "seen", "expected"),
    [
        (None, 0, []),
        (None, 2, ["0", "1"]),
        ("3,5", 2, ["3", "5"]),
        ("3, 5,-1,6", 2, ["3", "5"]),  # CUDA ends at the first that is none
        ("", 0, []),
        ("GPU-8932f937,GPU-45cd7e1a", 2, ["GPU-8932f937", "GPU-45cd7e1a"]),
        ("MIG-a,MIG-b,MIG-c", 1, ["MIG-a", "MIG-b", "MIG-c"]),
        ("MIG-a,MIG-b", 0, []),
    ],
)
def test_the_gpus_are_those_that_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch, given: str | None, seen: int, expected: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    monkeypatch.delenv(VISIBLE, raising=False)
    if given is not None:
        monkeypatch.setenv(VISIBLE, given)
    assert gpus() == expected


def test_every_process_takes_what_fewest_others_have() -> None:
    places = Places(["0", "1", "2"])
    assert [places.take(name)[VISIBLE] for name in "abcd"] == ["0", "1", "2", "0"]
    places.give_back("b")
    assert places.take("e") == {VISIBLE: "1"}
    for name in "ade":
        places.give_back(name)
    assert places.take("f") == {VISIBLE: "0"}


def test_a_process_that_needs_several_takes_several() -> None:
    places = Places(EIGHT[:5], each=2)
    assert len(places) == 2
    assert [places.take(name)[VISIBLE] for name in "ab"] == ["0,1", "2,3"]


def test_without_gpus_nothing_is_said_of_them() -> None:
    places = Places(())
    assert len(places) == 0
    assert places.take("a") == {}
    places.give_back("a")


def jobs(count: int, accelerator: str, devices: int = 1, at_once: int | None = None) -> dict[str, DictConfig]:
    trainer = {"accelerator": accelerator, "devices": devices}
    return {
        f"job-{number}": OmegaConf.create({"jobs_at_once": at_once, "run": {"trainer": trainer}})
        for number in range(count)
    }


@pytest.mark.parametrize(
    ("accelerator", "devices", "given", "expected"),
    [
        ("gpu", 1, None, 8),
        ("auto", 1, None, 8),
        ("gpu", 3, None, 2),
        ("gpu", 1, 3, 3),
        ("gpu", 1, 20, 20),
        ("cpu", 1, None, 2),
    ],
)
def test_as_many_jobs_run_at_once_as_there_are_gpus(
    monkeypatch: pytest.MonkeyPatch, accelerator: str, devices: int, given: int | None, expected: int
) -> None:
    monkeypatch.setattr(processes, "gpus", lambda: EIGHT)
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    configs = jobs(30, accelerator, devices, given).values()
    assert jobs_at_once(configs, places_for(configs)) == expected


def test_where_torch_sees_no_gpu_jobs_run_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "gpus", list)
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    configs = jobs(30, "auto").values()
    assert jobs_at_once(configs, places_for(configs)) == 2


def note(name: str, _: DictConfig) -> None:
    """What a job sees; the first three wait for each other, so that they run at once."""
    Path(name).write_text(os.environ.get(VISIBLE, "-"))
    deadline = time.monotonic() + 60
    while name < "job-3" and len([*Path().glob("job-[012]")]) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)


def test_jobs_at_once_see_one_gpu_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VISIBLE, raising=False)
    run: Callable[[str, DictConfig], None] = note
    assert [*run_processes(run, jobs(5, "gpu"), at_once=3, places=Places(["0", "1", "MIG-a"]))] == []
    seen = [Path(f"job-{number}").read_text() for number in range(5)]
    assert seen[:3] == ["0", "1", "MIG-a"]
    assert {*seen[3:]} <= {*seen[:3]}
    assert [line for line in caplog.messages if "GPU" in line] == [
        f"job-{number}: GPU {place}" for number, place in enumerate(seen)
    ]
    assert VISIBLE not in os.environ
