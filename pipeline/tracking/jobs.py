"""The run of a stage that only measures."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.tracking.tracker import Tracker, guarded
from pipeline.tracking.tracking import track
from pipeline.values.config import StageConfig


@contextmanager
def track_job(config: StageConfig) -> Iterator[Tracker]:
    """The run of a stage that only measures: one if it is a job of a sweep, which shows at its end what it came to.

    Otherwise `analyse` shows it, and there is nothing to log to.
    """
    if not config.sweep:
        yield Tracker(None)
        return
    with track(config) as tracker:
        yield tracker
        if tracker.run is not None:
            from pipeline.tracking.shown_runs import show_job

            guarded(lambda: show_job(tracker, config))
