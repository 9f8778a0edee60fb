"""What the stages over all tasks and seeds read: the metrics and curves of every (task, seed)."""

from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.run.config import StageConfig
from pipeline.run.paths import experiment_folder, metrics_file
from pipeline.run.store import read_json


def has_results(config: StageConfig, stage: str) -> bool:
    """Whether any model has results of `stage`: committed results may be older than a stage."""
    folders = [
        experiment_folder(config.input_root, stage, task, seed) for task in config.tasks for seed in config.seeds
    ]
    return any(folder.is_dir() for folder in folders)


def read_metrics(config: StageConfig, stage: str) -> list[dict[str, Any]]:
    """The metrics of `stage`, by task and seed in the order of params.yaml."""
    paths = [metrics_file(config.input_root, stage, task, seed) for task in config.tasks for seed in config.seeds]
    _check_present(paths, stage)
    return [read_json(path) for path in paths]


def read_curves(config: StageConfig, stage: str, *, name: str = "curves") -> Any:
    """The table `name`.csv of `stage` for all tasks and seeds, as one pandas table."""
    import pandas

    folders = [
        experiment_folder(config.input_root, stage, task, seed) for task in config.tasks for seed in config.seeds
    ]
    paths = [folder / f"{name}.csv" for folder in folders]
    _check_present(paths, stage)
    return pandas.concat([pandas.read_csv(path, keep_default_na=False) for path in paths])


def _check_present(paths: list[Path], stage: str) -> None:
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path} is missing; run: dvc repro {stage}")
