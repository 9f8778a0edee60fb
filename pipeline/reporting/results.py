"""What the stages over all tasks and seeds read: the metrics and curves of every (task, seed)."""

from pathlib import Path
from typing import Any

from pipeline.analysis.claims import Results
from pipeline.errors import InputError
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, experiment_folder, metrics_file, summary_folder
from pipeline.values.store import read_json


def read_metrics(config: StageConfig, stage: str) -> list[dict[str, Any]]:
    """The metrics of `stage`, by task and seed in the order of params.yaml."""
    paths = [metrics_file(config.input_root, stage, task, seed) for task in config.tasks for seed in config.seeds]
    _check_present(paths, stage)
    return [read_json(path) for path in paths]


def read_results(config: StageConfig) -> Results:
    """The metrics of all experiments."""
    names = [name for name in Results.__dataclass_fields__ if name != "universality"]
    by_stage = {name: read_metrics(config, name) for name in names}
    return Results(**by_stage, universality=read_universality(config))


def read_curves(config: StageConfig, stage: str, *, name: str = "curves") -> Any:
    """The table `name`.csv of `stage` for all tasks and seeds, as one pandas table."""
    import pandas

    folders = [
        experiment_folder(config.input_root, stage, task, seed) for task in config.tasks for seed in config.seeds
    ]
    paths = [folder / f"{name}.csv" for folder in folders]
    _check_present(paths, stage)
    return pandas.concat([pandas.read_csv(path, keep_default_na=False) for path in paths])


def read_trees(config: StageConfig, task: str) -> list[dict[str, Any]]:
    """The trees of the first seed that are to be drawn; none where the task's sentences are withheld."""
    path = experiment_folder(config.input_root, "tree", task, config.seeds[0]) / "trees.json"
    _check_present([path], "tree")
    return read_json(path)["trees"]


def read_head_maps(config: StageConfig, task: str, example_id: str, *, layer: int, head: int) -> tuple[Any, Any] | None:
    """Attention and attribution `(query, key)` of one head, first seed; None where the whole maps are not kept.

    Raises InputError if the model has no such layer or head.
    """
    from safetensors.numpy import load_file

    path = attributions_folder(config.input_root, task, config.seeds[0]) / "full.safetensors"
    if not path.is_file():
        return None
    maps = load_file(path)
    attention, attribution = (maps[f"{example_id}.predicted.{name}"] for name in ("attention", "attribution"))
    for name, chosen, count in (("layer", layer, attention.shape[0]), ("head", head, attention.shape[1])):
        if chosen >= count:
            raise InputError(f"figures.heatmap_{name} is {chosen}, but must be below {count}: they count from 0")
    return attention[layer, head], attribution[layer, head]


def read_universality(config: StageConfig) -> dict[str, Any]:
    """What `universality` measured over all tasks and seeds."""
    path = config.input_root / "metrics" / "universality.json"
    _check_present([path], "universality")
    return read_json(path)


def read_importance(config: StageConfig) -> Any:
    """The importances that `universality` compares, as a pandas table: task, seed, layer, head, importance."""
    import pandas

    path = summary_folder(config.input_root, "universality") / "importance.csv"
    _check_present([path], "universality")
    return pandas.read_csv(path)


def _check_present(paths: list[Path], stage: str) -> None:
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path} is missing; run: dvc repro {stage}")
