"""The command line of a stage: a Hydra app over the sections of params.yaml that dvc.yaml declares for it.

    python -m pipeline.prune task=negation seed=1                        one run by hand, into scratch/
    python -m pipeline.prune -m prune.random_orders=20,30 task=negation  one job per combination, into sweeps/
    python -m pipeline.attribute -m sweep=steps                          the values of conf/sweep/steps.yaml, likewise
    python -m pipeline.prune --help                                      the stage's values

Under DVC the first command writes the outputs that dvc.yaml names.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from pipeline.errors import InputError
from pipeline.launch.errors import exit_on_bad_input, is_bad_input, one_line
from pipeline.launch.sweep import Sweep, is_multirun, plan_sweep, swept_values
from pipeline.launch.sweep_jobs import conclude, give_up_started, run_job
from pipeline.values.config import StageConfig
from pipeline.values.params import (
    GRAPH_FILE,
    Declaration,
    load_params,
    plain,
    read_declaration,
    read_values,
    write_values,
)
from pipeline.values.paths import PRESETS, repository
from pipeline.values.schema import Params
from pipeline.values.tables import emptied_tables

log = logging.getLogger(__name__)


def run_stage(stage: str, main: Callable[[StageConfig], None]) -> None:
    """Run `main` with the values of `stage`: the body of a stage's `if __name__ == "__main__"`.

    Bad input ends it with one line on stderr and exit code 2; any other exception keeps its traceback. A multirun runs
    `main` once per job, and names at its end the jobs that failed.
    """
    with exit_on_bad_input():
        os.chdir(repository())
        declaration, arguments = read_declaration(stage), sys.argv[1:]
        file_values = read_values()
        params = load_params(file_values)
        _configure_logging(params.run.log_level)
        _refuse_unread(stage, arguments, declaration)
        _refuse_unread(stage, swept_values(arguments), declaration, of="the sweep's ")
        sweep = plan_sweep(stage, arguments, declaration, params) if is_multirun(arguments) else None
        _offer(stage, emptied_tables(file_values, arguments), declaration, sweep)
        failures: list[Exception] = []

        def job(composed: DictConfig) -> None:
            if sweep is not None:
                _configure_logging(params.run.log_level)  # a launcher's process starts without
                name = sweep.name(HydraConfig.get().overrides.task)
                place = {"output_root": sweep.folder / name, "sweep": sweep.folder}
                run_job(
                    sweep,
                    name,
                    configure=lambda: _stage_config(stage, composed, file_values, declaration, **place),
                    main=main,
                    declaration=declaration,
                )
                return
            # Hydra prints more than one line about an exception of a single run, so that one travels around it.
            try:
                config = _stage_config(stage, composed, file_values, declaration)
                if config.output_root != Path():
                    write_values(config)
                main(config)
            except Exception as error:
                failures.append(error)

        _start(job, sweep)
        if failures:
            raise failures[0]
        if sweep is not None:
            conclude(sweep)


def _start(job: Callable[[DictConfig], None], sweep: Sweep | None) -> None:
    # Without this Hydra prints exceptions itself and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(config_path=str(PRESETS), config_name="config", version_base="1.3")(job)()
    except Exception as error:
        if sweep is None or is_bad_input(error):
            raise
        # Jobs raise nothing: the launcher has failed. joblib gives up all jobs when the process of one is killed.
        log.error("%s broke off: %s", sweep.folder, one_line(error), exc_info=log.isEnabledFor(logging.DEBUG))
        if type(error).__name__ == "TerminatedWorkerError" and give_up_started(sweep):
            _start(job, sweep)


def _configure_logging(level: str) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger().setLevel(level)
    # Their notes on every run are not the stage's; warnings still show.
    for library in ("hydra", "hydra_plugins", "pytorch_lightning.utilities.rank_zero", "pytorch_lightning.trainer"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _refuse_unread(stage: str, arguments: Iterable[str], declaration: Declaration, *, of: str = "") -> None:
    """Refuse an override that would have no effect: of a section that the stage does not see."""
    for argument in arguments:
        key = re.match(r"[+~]*((\w+)[\w.]*)(=|$)", argument)
        if key and key.group(2) in Params.model_fields and key.group(2) not in {*declaration.sections, "run"}:
            raise InputError(
                f"{of}{key.group(1)} cannot change stage {stage}: "
                f"{GRAPH_FILE} does not declare {key.group(2)} in stages.{stage}.params"
            )


def _offer(stage: str, file_values: dict[str, Any], declaration: Declaration, sweep: Sweep | None) -> None:
    """Hand Hydra the values that can be overridden for `stage`: those it reads."""
    seen = {name: value for name, value in file_values.items() if name in declaration.sections or name == "run"}
    node = {**seen, "hydra": {"job": {"name": stage}, **(sweep.hydra() if sweep else {})}}
    ConfigStore.instance().store(name="params", node=OmegaConf.create(node))


def _stage_config(
    stage: str, composed: DictConfig, file_values: dict[str, Any], declaration: Declaration, **place: Path
) -> StageConfig:
    """Check the composed values and make what the stage sees of them."""
    values = plain(composed)
    task, seed = values.pop("task", None), values.pop("seed", None)
    params = load_params({**file_values, **values})
    _configure_logging(params.run.log_level)
    _check_choice(stage, "task", task, params.tasks, declaration)
    _check_choice(stage, "seed", seed, params.seeds, declaration)
    place = place or {"output_root": _output_root(stage, task, seed)}
    return StageConfig(params, stage=stage, declared=declaration.sections, task=task, seed=seed, **place)


def _check_choice(stage: str, name: str, value: object, known: tuple[Any, ...], declaration: Declaration) -> None:
    listed = ", ".join(str(item) for item in known)
    if name not in declaration.matrix:
        if value is not None:
            raise InputError(f"{name} is {value}, but stage {stage} takes no {name}")
    elif value is None:
        raise InputError(f"{name} is missing; give {name}=<one of {listed}>")
    elif value not in known or isinstance(value, bool):
        raise InputError(f"{name} is {value}, but must be one of {listed} ({name}s in params.yaml)")


def _output_root(stage: str, *parts: object) -> Path:
    """The repository if DVC runs this very stage; otherwise a folder that no DVC output shares."""
    if os.environ.get("DVC_STAGE", "").split(":")[-1].split("@")[0] == stage:
        return Path()
    return Path("scratch") / stage / "-".join(str(part) for part in parts if part is not None)
