"""The body of a stage whose experiment comes to one row per example."""

from collections.abc import Callable, Iterable, Mapping

from pipeline.values.config import StageConfig
from pipeline.values.paths import experiment_folder


def writing(measure: Callable[[StageConfig], Iterable[Mapping[str, object]]]) -> Callable[[StageConfig], None]:
    """A stage's `main`: the rows of `measure`, each with its `example_id`, go into the stage's `outcomes.parquet`.

    `measure` imports torch and what needs it inside, so that a stage can be stopped while it starts.
    """

    def main(config: StageConfig) -> None:
        from pipeline.tracking.jobs import track_job
        from pipeline.values.store import write_rows

        with track_job(config):
            folder = experiment_folder(config.output_root, config.stage, config.task, config.seed)
            write_rows(folder / "outcomes.parquet", list(measure(config)))

    return main
