"""Weights & Biases: a run for each stage and model, grouped by pipeline run, and for each job of a sweep.

A view of the results, never a reason for a stage to fail. `finetune`, `analyse`, `figures` and `report` are runs while
they work. What `prepare`, `attribute` and the experiments measured is shown by `analyse`
(`pipeline.tracking.shown_runs`): it knows the intervals, and a further run in its process takes hundredths of a second
instead of two.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.launch.work import pipeline_run
from pipeline.tracking import lineage
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.tracking_mode import go_offline, tracking_mode
from pipeline.values.config import StageConfig
from pipeline.values.git import commit
from pipeline.values.per_task import filled_name

log = logging.getLogger(__name__)

LONGEST = 8.0  # seconds that W&B may take to begin and to end a run
LONGEST_TAG = 64  # characters that W&B takes
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


@contextmanager
def track(config: StageConfig, *, name: str | None = None, notes: str | None = None) -> Iterator[Tracker]:
    """Open the stage's run, with its values and what it reads in the config; close it whatever happens.

    What DVC holds of a stage that has ended well becomes its artifacts. Name and job type are the stage's, or `name`;
    tags are the preset and the tasks.
    """
    tracker = Tracker(_start(config, name=name or config.stage, notes=notes))
    failed = True
    try:
        yield tracker
        failed = False
        tracker.outputs(config)
    finally:
        if tracker.run is not None:
            try:
                tracker.run.finish(exit_code=int(failed))
            except TimeoutError as error:
                go_offline(error)
            except Exception as error:
                log.warning("tracking could not be closed: %s", error)


def _start(config: StageConfig, *, name: str, notes: str | None) -> Any:
    for variable, value in [*os.environ.items()]:
        if variable.startswith(ONE_RUN) or (variable.startswith("WANDB_") and not value):  # W&B refuses what is empty
            del os.environ[variable]
    try:
        mode = tracking_mode(config.run.tracking)
        if mode == "disabled":
            return None
        if mode == "online":
            try:
                return _init(config, mode, name=name, notes=notes)
            except Exception as error:
                go_offline(error)
                mode = "offline"
        return _init(config, mode, name=name, notes=notes)
    except Exception as error:
        log.warning("tracking could not be started, going on without it: %s", " ".join(str(error).split()))
        return None


def _init(config: StageConfig, mode: str, *, name: str, notes: str | None) -> Any:
    import wandb

    settings = config.run.tracking
    read = [f"{held.name}:{held.version}" for held in lineage.inputs(config)]
    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        name=config.output_root.name if config.sweep else f"{name}@{config.label}" if config.label else name,
        group=str(config.sweep) if config.sweep else pipeline_run(config),
        job_type=name,
        tags=tags(config),
        notes=notes,
        config=shown_values(config) | facts(config) | {"inputs": read},
        mode=mode,  # type: ignore[arg-type]
        settings=wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            x_disable_meta=True,
            x_save_requirements=False,  # they take 0.2 s, and requirements.lock has them
            init_timeout=LONGEST,
            finish_timeout=LONGEST,
            finish_timeout_raises=True,
        ),
    )
    if mode == "online":  # offline runs are linked by pipeline.commands.publish
        for artifact in read:
            try:
                run.use_artifact(artifact)
            except Exception as error:  # of a stage whose run is offline, or is still to come
                log.debug("%s is not linked: %s", artifact, error)
    return run


def tags(config: StageConfig) -> list[str]:
    """The preset, and the task of the run; all tasks where it has none of its own."""
    values = config.all_values
    tasks = [config._task] if config._task else values.tasks
    return [tag[:LONGEST_TAG] for tag in dict.fromkeys([values.preset, *tasks])]


def what_was_run(config: StageConfig) -> str:
    """Preset, tasks, seeds and commit in a sentence."""
    values = config.all_values
    seeds, known = ", ".join(map(str, values.seeds)), commit()
    made = f"at commit {known[:12]}" if known else "outside of git"
    return f"Preset {values.preset} on {', '.join(values.tasks)}, seeds {seeds}, run {made}."


def facts(config: StageConfig) -> dict[str, Any]:
    """What tells the run from others beside its values: the model, the code, the state of DVC, and how it was run."""
    model = {"task": config._task, "seed": config._seed}
    lock = Path("dvc.lock")
    return {name: value for name, value in model.items() if value is not None} | {
        "git_commit": commit(),
        "dvc_lock": sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
        "run": config.run.model_dump(mode="json"),
    }


def shown_values(config: StageConfig) -> dict[str, Any]:
    """The stage's values; `model.name` is that of the run's model, without placeholders for its task and seed."""
    values, model = config.values(), model_of(config)
    if values.get("model", {}).get("name") and model.keys() == {"task", "seed"}:
        values["model"]["name"] = filled_name(values["model"]["name"], **model)
    return values


def model_of(config: StageConfig) -> dict[str, Any]:
    """The task and the seed of the run, as far as the stage has them."""
    return {name: getattr(config, name) for name in lineage.stage_entry(config.stage)["matrix"]}
