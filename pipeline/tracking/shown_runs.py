"""What stages measured, as Weights & Biases runs: curves as lines with an axis of their own, facts as final values.

`analyse` opens a run for every stage and model whose own process is none, and reads what it has written itself: every
number of a run is the file's.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from pipeline.tracking.sentences import TABLES, trigger_rows
from pipeline.tracking.tracked_files import CURVES, Row, numbers, points, read_csv
from pipeline.tracking.tracker import Tracker, guarded
from pipeline.tracking.tracking import model_of, track
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import analysis_folder, data_folder
from pipeline.values.store import read_json

# A stage's experiments, where it is not the one of its own name.
EXPERIMENTS: dict[str, tuple[str, ...]] = {"prepare": (), "tree": ("tree", "receptive_field")}


def show_models(tracker: Tracker, config: StageConfig) -> None:
    """The run of each model, of every stage before `analyse` but `finetune`; nothing if that, `tracker`'s, has none."""
    if tracker.run is not None:
        guarded(partial(_show_models, config))


def _show_models(config: StageConfig) -> None:
    for stage in ("prepare", *(name for name in CURVES if name != "receptive_field")):
        declaration = read_declaration(stage)
        for task in config.tasks if "task" in declaration.matrix else (None,):
            for seed in config.seeds:
                place = {"output_root": config.output_root, "task": task, "seed": seed}
                of_model = StageConfig(config.all_values, stage=stage, declared=declaration.sections, **place)
                of_model.input_root = config.input_root
                with track(of_model) as tracker:
                    if tracker.run is None:  # the next one would find it so, too
                        return
                    guarded(partial(_show_files, tracker, of_model))


def show_job(tracker: Tracker, config: StageConfig) -> None:
    """What a job of a sweep came to, analysed as `analyse` does."""
    from pipeline.analysis.experiments import ANALYSES
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.analysis.rules import read_rules
    from pipeline.tracking.deciding import deciding

    model = model_of(config)
    tasks, seeds = ([model[name]] if name in model else [] for name in ("task", "seed"))
    outcomes = Outcomes(config.output_root, tasks, seeds, prepared=config.input_root)
    for experiment in EXPERIMENTS.get(config.stage, (config.stage,)):
        if experiment != "universality":  # which says nothing of one model alone
            found = ANALYSES[experiment](outcomes, config.all_values)
            _show(tracker, experiment, found.tables, found.records)
            statistics = [one.record() for one in found.statistics]
            tracker.summary(deciding(read_rules(), experiment, statistics, model=model, seeds=seeds))


def _show_files(tracker: Tracker, config: StageConfig) -> None:
    from pipeline.analysis.rules import read_rules
    from pipeline.tracking.deciding import deciding

    model = model_of(config)
    if config.stage == "prepare":
        prepared = read_json(data_folder(config.input_root, config.task, config.seed) / "prepare.json")
        tracker.summary(numbers("prepare", [prepared]))
    for experiment in EXPERIMENTS.get(config.stage, (config.stage,)):
        folder = analysis_folder(config.output_root, experiment)
        tables = {one.table: read_csv(folder / f"{one.table}.csv") for one in CURVES[experiment]}
        of_model = {name: [row for row in rows if _is_of(row, model)] for name, rows in tables.items()}
        found = read_json(folder / "records.json")
        _show(tracker, experiment, of_model, [row for row in found["records"] if _is_of(row, model)])
        seeds = config.all_values.seeds
        tracker.summary(deciding(read_rules(), experiment, found["statistics"], model=model, seeds=seeds))
    if config.stage == "triggers":
        tracker.table(TABLES["triggers"], trigger_rows(config))


def _is_of(row: Row, model: Row) -> bool:
    return all(str(row.get(name)) == str(value) for name, value in model.items())


def _show(tracker: Tracker, experiment: str, tables: Mapping[str, Sequence[Row]], records: Sequence[Row]) -> None:
    for curves in CURVES[experiment]:
        tracker.series(f"{experiment}/{curves.x}", points(experiment, curves, tables[curves.table]))
    tracker.summary(numbers(experiment, records))
