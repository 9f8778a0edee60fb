"""What a stage says to its Weights & Biases run, which may fail in any way without harm to the stage."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.tracking import lineage
from pipeline.values.config import StageConfig

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
LOGGED_EVERY = 10  # steps of training


def guarded(action: Callable[[], object]) -> None:
    """Do something with W&B, which may fail in any way: results do not depend on it."""
    try:
        action()
    except Exception as error:
        log.warning("tracking failed, going on without it: %s", " ".join(str(error).split()))


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

    def axis(self, x: str, lines: Iterable[str], *, summary: str) -> None:
        """Draw the lines over the values of `x`, which are logged with theirs; `summary` is what is kept at the end."""

        def send() -> None:
            for name in lines:
                self.run.define_metric(name, step_metric=x, summary=summary)
            self.run.define_metric(x, hidden=True, summary="none")

        self._guarded(send)

    def series(self, x: str, points: Sequence[Row]) -> None:
        """Lines over an axis of their own, so that several runs lie over each other.

        Every point has its place on the axis by the name `x`, and values by the names of their lines.
        """
        # The last point of such a line is no result.
        self.axis(x, dict.fromkeys(name for point in points for name in point if name != x), summary="none")
        self._guarded(lambda: [self.run.log(dict(point)) for point in points])

    def table(self, name: str, rows: Sequence[Row]) -> None:
        """Rows to read, with the columns of the first; nothing without any."""

        def send() -> None:
            import wandb

            if rows:
                self.run.log({name: wandb.Table(columns=list(rows[0]), data=[list(row.values()) for row in rows])})

        self._guarded(send)

    def image(self, name: str, path: Path) -> None:
        """A figure that has been saved as PNG."""

        def send() -> None:
            import wandb

            self.run.log({name: wandb.Image(str(path))})

        self._guarded(send)

    def html(self, name: str, path: Path) -> None:
        """A page that loads nothing."""

        def send() -> None:
            import wandb

            self.run.log({name: wandb.Html(path.read_text(encoding="utf-8"), inject=False)})

        self._guarded(send)

    def files(self, name: str, texts: Mapping[str, str]) -> None:
        """Files by their paths, whole, as an artifact of that name and type."""

        def send() -> None:
            import wandb

            made = wandb.Artifact(name, name)
            for path, text in texts.items():
                with made.new_file(path, encoding="utf-8") as file:
                    file.write(text)
            self.run.log_artifact(made)

        self._guarded(send)

    def outputs(self, config: StageConfig) -> None:
        """What the stage leaves to DVC, as artifacts that hold references."""

        def send() -> None:
            for one in lineage.outputs(config):
                self.run.log_artifact(lineage.artifact(one), aliases=["latest", one.version])

        self._guarded(send)
