"""Weights & Biases: one run per stage and (task, seed), or job of a sweep, which are a group.

A view of the results, never a reason for a stage to fail.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.launch.network import require_answer
from pipeline.values.config import StageConfig

log = logging.getLogger(__name__)


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
            except Exception as error:
                log.warning("tracking could not be closed: %s", error)


def _start(config: StageConfig) -> Any:
    settings = config.run.tracking
    if settings.mode == "disabled":
        return None
    try:
        import wandb

        mode = settings.mode if settings.mode != "auto" else _automatic_mode()
        name = f"{config.stage}@{config.label}" if config.label else config.stage
        return wandb.init(
            project=settings.project,
            entity=settings.entity,
            name=config.output_root.name if config.sweep else name,
            group=str(config.sweep) if config.sweep else config.label or "summary",
            job_type=config.stage,
            config=config.values(),
            mode=mode,  # type: ignore[arg-type]
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True),
        )
    except Exception as error:
        log.warning("tracking could not be started, going on without it: %s", error)
        return None


def _automatic_mode() -> str:
    """As WANDB_MODE says; else online where W&B can be reached and knows a key, otherwise offline."""
    import wandb

    chosen = os.environ.get("WANDB_MODE")
    if chosen:
        return chosen
    try:
        # With a key W&B connects, and without a network it would give up after ten seconds.
        require_answer(wandb.Settings().base_url)
        return "online" if wandb.login(prompt=False) else "offline"
    except Exception as error:
        log.debug("tracking offline: %s", error)
        return "offline"
