"""Weights & Biases: a run for each training, for `analyse` and `figures`, and for each job of a sweep, as a group.

A view of the results, never a reason for a stage to fail.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.launch.tracking_mode import go_offline, tracking_mode
from pipeline.values.config import StageConfig

log = logging.getLogger(__name__)

LONGEST = 8.0  # seconds that W&B may take to begin and to end a run
# Variables that name one run, or the sweep, the group or the process it is part of: all stages would be that run.
ONE_RUN = (
    "WANDB_RUN_",
    "WANDB_RESUME",
    "WANDB_FORK_FROM",
    "WANDB_NAME",
    "WANDB_JOB_TYPE",
    "WANDB_SWEEP_",
    "WANDB_SERVICE",
)


def guarded(action: Callable[[], object]) -> None:
    """Do something with W&B, which may fail in any way: results do not depend on it."""
    try:
        action()
    except Exception as error:
        log.warning("tracking failed, going on without it: %s", error)


class Tracker:
    """A run to log to; without a run (tracking off or broken) every call does nothing."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def _guarded(self, action: Callable[[], object]) -> None:
        if self.run is not None:
            guarded(action)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Final values of the stage, nested as in its metrics file."""
        self._guarded(lambda: self.run.summary.update(dict(values)))

    def image(self, name: str, path: Path) -> None:
        """A figure that has been saved as PNG."""

        def send() -> None:
            import wandb

            self.run.log({name: wandb.Image(str(path))})

        self._guarded(send)

    def curves(self, name: str, rows: list[dict[str, Any]]) -> None:
        """The rows of a result table."""

        def send() -> None:
            import wandb

            self.run.log({name: wandb.Table(columns=list(rows[0]), data=[list(row.values()) for row in rows])})

        self._guarded(send)


@contextmanager
def track(config: StageConfig) -> Iterator[Tracker]:
    """Open the stage's run, with its declared values as config; close it whatever happens."""
    run = _start(config)
    failed = True
    try:
        yield Tracker(run)
        failed = False
    finally:
        if run is not None:
            try:
                run.finish(exit_code=int(failed))
            except TimeoutError as error:
                go_offline(error)
            except Exception as error:
                log.warning("tracking could not be closed: %s", error)


@contextmanager
def track_job(config: StageConfig) -> Iterator[None]:
    """The run of a stage that only measures: one if it is a job of a sweep. Otherwise `analyse` shows what it found."""
    if config.sweep:
        with track(config):
            yield
    else:
        yield


def _start(config: StageConfig) -> Any:
    if config.run.tracking.mode == "disabled":
        return None
    for name, value in [*os.environ.items()]:
        if name.startswith(ONE_RUN) or (name.startswith("WANDB_") and not value):  # W&B refuses what is empty
            del os.environ[name]
    try:
        mode = tracking_mode(config.run.tracking)
        if mode == "online":
            try:
                return _init(config, mode)
            except Exception as error:
                go_offline(error)
                mode = "offline"
        return _init(config, mode)
    except Exception as error:
        log.warning("tracking could not be started, going on without it: %s", " ".join(str(error).split()))
        return None


def _init(config: StageConfig, mode: str) -> Any:
    import wandb

    settings, name = config.run.tracking, f"{config.stage}@{config.label}" if config.label else config.stage
    return wandb.init(
        project=settings.project,
        entity=settings.entity,
        name=config.output_root.name if config.sweep else name,
        group=str(config.sweep) if config.sweep else config.label or "summary",
        job_type=config.stage,
        config=config.values(),
        mode=mode,  # type: ignore[arg-type]
        settings=wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            x_disable_meta=True,
            init_timeout=LONGEST,
            finish_timeout=LONGEST,
            finish_timeout_raises=True,
        ),
    )
