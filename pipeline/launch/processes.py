"""The jobs of a sweep at once, each in a process of its own, so that one that is killed takes no other with it."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess

from omegaconf import DictConfig

from pipeline.errors import InputError
from pipeline.launch.parent import end_with_parent
from pipeline.launch.places import VISIBLE, Places, gpus
from pipeline.launch.signals import SIGNALS

MOST_AT_ONCE = 1024
Run = Callable[[str, DictConfig], None]

log = logging.getLogger(__name__)


def places_for(jobs: Iterable[DictConfig]) -> Places:
    """The GPUs on which the jobs run, as many for each as the one that asks for most; none where all run on the CPU."""
    trainers = [config.run.trainer for config in jobs]
    if all(trainer.accelerator == "cpu" for trainer in trainers):
        return Places(())
    return Places(gpus(), each=max(trainer.devices for trainer in trainers))


def jobs_at_once(jobs: Iterable[DictConfig], places: Places) -> int:
    """How many jobs run at once: `jobs_at_once`, or one for each of their places, or one per core without any.

    Raises:
        InputError: if `jobs_at_once` is no count.
    """
    from joblib import cpu_count  # those that this process may use

    configs = list(jobs)
    for config in configs:
        given = config.jobs_at_once
        if given is not None:
            if type(given) is not int or not 1 <= given <= MOST_AT_ONCE:
                raise InputError(f"jobs_at_once is {given}, but must be an integer from 1 to {MOST_AT_ONCE}")
            return given
    return max(1, min(len(configs), len(places) or cpu_count()))


def run_processes(
    run: Run, jobs: Mapping[str, DictConfig], *, at_once: int, places: Places
) -> Iterator[tuple[str, int]]:
    """Call `run(name, config)` for every job; the name and the exit code of those whose process ended early."""
    from joblib import cpu_count

    context, waiting = multiprocessing.get_context("spawn"), list(jobs.items())
    running: dict[int, BaseProcess] = {}
    # A user's own choice goes before; otherwise the jobs share the cores.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cpu_count() // at_once)))
    while waiting or running:
        while waiting and len(running) < at_once:
            name, config = waiting.pop(0)
            shown = places.take(name)
            if shown:
                log.info("%s: GPU %s", name, shown[VISIBLE])
            process = context.Process(target=_work, args=(run, name, config, shown), name=name)
            _start(process)
            running[process.sentinel] = process
        for sentinel in connection.wait([*running]):
            process = running.pop(sentinel)  # type: ignore[arg-type]
            process.join()
            places.give_back(process.name)
            if process.exitcode:
                yield process.name, process.exitcode


def _start(process: BaseProcess) -> None:
    """Start it with signals held back, until it can end with none but its own words."""
    resource_tracker.ensure_running()  # which would let them through
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _work(run: Run, name: str, config: DictConfig, variables: Mapping[str, str]) -> None:
    os.environ.update(variables)  # before anything asks for a GPU
    for number in SIGNALS:  # before `run` they are held back; after it the process ends anyway
        signal.signal(number, lambda *_: None)
    end_with_parent()
    run(name, config)
