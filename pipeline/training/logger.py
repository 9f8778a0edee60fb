"""Training curves in W&B, which must not stop a training that works."""

from collections.abc import Mapping

from pytorch_lightning.loggers import WandbLogger

from pipeline.tracking.tracker import Tracker, guarded

STEP = "trainer/global_step"  # as Lightning's logger names it


class _GuardedLogger(WandbLogger):
    """Lightning's logger, whose failures end in the log."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Called by Lightning every few steps and at each epoch's end."""
        guarded(lambda: WandbLogger.log_metrics(self, metrics, step))


def training_logger(tracker: Tracker) -> WandbLogger | None:
    """A logger into the stage's run, whose lines are drawn by training step; None without a run."""
    if not tracker.run:
        return None
    tracker.axis(STEP, ("train_loss", "dev_accuracy"), summary="last")
    return _GuardedLogger(experiment=tracker.run)
