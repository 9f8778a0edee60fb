"""The command line of a stage: a Hydra app over the sections of params.yaml that dvc.yaml declares for it.

    python -m pipeline.prune task=negation seed=1                               one run by hand, into scratch/
    python -m pipeline.prune -m prune.random_orders=20,30 task=negation seed=1  one job per combination, into sweeps/
    python -m pipeline.prune --help                                             the stage's values

Under DVC the same command writes the outputs that dvc.yaml names.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from pipeline.errors import InputError
from pipeline.run.config import (
    GRAPH_FILE,
    Declaration,
    StageConfig,
    dump_params,
    load_params,
    plain,
    read_declaration,
    read_values,
)
from pipeline.run.errors import exit_on_bad_input, is_bad_input, one_line
from pipeline.run.paths import PRESETS, repository
from pipeline.run.schema import Params

log = logging.getLogger(__name__)


def run_stage(stage: str, main: Callable[[StageConfig], None]) -> None:
    """Run `main` with the values of `stage`: the body of a stage's `if __name__ == "__main__"`.

    Bad input ends it with one line on stderr and exit code 2; any other exception keeps its traceback.
    """
    with exit_on_bad_input():
        os.chdir(repository())
        declaration = read_declaration(stage)
        file_values = read_values()
        _configure_logging(load_params(file_values).run.log_level)
        _refuse_unread(stage, sys.argv[1:], declaration)
        _offer(stage, file_values, declaration)
        failures: list[Exception] = []

        def job(composed: DictConfig) -> None:
            # Hydra prints more than one line about an exception of a single run, so that one travels around it.
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                _sweep_job(stage, main, composed, file_values, declaration)
                return
            try:
                main(_stage_config(stage, composed, file_values, declaration))
            except Exception as error:
                failures.append(error)

        # Without this Hydra prints exceptions itself and exits with 1.
        os.environ["HYDRA_FULL_ERROR"] = "1"
        hydra.main(config_path=str(PRESETS), config_name="config", version_base="1.3")(job)()
        if failures:
            raise failures[0]


def _configure_logging(level: str) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger().setLevel(level)
    # Their notes on every run are not the stage's; warnings still show.
    for library in ("hydra", "hydra_plugins", "pytorch_lightning.utilities.rank_zero", "pytorch_lightning.trainer"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _refuse_unread(stage: str, arguments: Sequence[str], declaration: Declaration) -> None:
    """Refuse an override that would have no effect: of a section that the stage does not see."""
    for argument in arguments:
        key = re.match(r"[+~]*((\w+)[\w.]*)(=|$)", argument)
        if key and key.group(2) in Params.model_fields and key.group(2) not in {*declaration.sections, "run"}:
            raise InputError(
                f"{key.group(1)} cannot change stage {stage}: "
                f"{GRAPH_FILE} does not declare {key.group(2)} in stages.{stage}.params"
            )


def _offer(stage: str, file_values: dict[str, Any], declaration: Declaration) -> None:
    """Hand Hydra the values that can be overridden for `stage`: those it reads."""
    seen = {name: value for name, value in file_values.items() if name in declaration.sections or name == "run"}
    node = {**seen, "hydra": {"job": {"name": stage}}}
    ConfigStore.instance().store(name="params", node=OmegaConf.create(node))


def _sweep_job(
    stage: str,
    main: Callable[[StageConfig], None],
    composed: DictConfig,
    file_values: dict[str, Any],
    declaration: Declaration,
) -> None:
    """One job of a multirun. The others still run when it fails; Hydra raises the first failure after the last job."""
    settings = HydraConfig.get()
    name = f"job {settings.job.num} ({settings.job.override_dirname})"
    try:
        config = _stage_config(stage, composed, file_values, declaration)
        log.info("%s writes to %s", name, config.output_root)
        main(config)
    except Exception as error:
        log.error("%s failed: %s", name, one_line(error), exc_info=not is_bad_input(error))
        raise


def _stage_config(
    stage: str, composed: DictConfig, file_values: dict[str, Any], declaration: Declaration
) -> StageConfig:
    """Check the composed values and make what the stage sees of them."""
    values = plain(composed)
    task, seed = values.pop("task", None), values.pop("seed", None)
    params = load_params({**file_values, **values})
    _configure_logging(params.run.log_level)
    _check_choice(stage, "task", task, params.tasks, declaration)
    _check_choice(stage, "seed", seed, params.seeds, declaration)
    label = "-".join(str(part) for part in (task, seed) if part is not None)
    config = StageConfig(
        params, stage=stage, declared=declaration.sections, task=task, seed=seed, output_root=_output_root(stage, label)
    )
    if config.output_root != Path():
        _record(params, config)
    return config


def _check_choice(stage: str, name: str, value: object, known: tuple[Any, ...], declaration: Declaration) -> None:
    listed = ", ".join(str(item) for item in known)
    if name not in declaration.matrix:
        if value is not None:
            raise InputError(f"{name} is {value}, but stage {stage} takes no {name}")
    elif value is None:
        raise InputError(f"{name} is missing; give {name}=<one of {listed}>")
    elif value not in known or isinstance(value, bool):
        raise InputError(f"{name} is {value}, but must be one of {listed} ({name}s in params.yaml)")


def _output_root(stage: str, label: str) -> Path:
    """The repository if DVC runs this very stage; otherwise a folder that no DVC output shares."""
    settings = HydraConfig.get()
    if settings.mode == RunMode.MULTIRUN:
        return Path(os.path.relpath(settings.runtime.output_dir))
    if os.environ.get("DVC_STAGE", "").split(":")[-1].split("@")[0] == stage:
        return Path()
    return Path("scratch") / stage / label


def _record(params: Params, config: StageConfig) -> None:
    """Leave the values beside results that DVC does not know."""
    config.output_root.mkdir(parents=True, exist_ok=True)
    header = f"The values of this run of {config.stage} {config.label}".rstrip()
    (config.output_root / "params.yaml").write_text(dump_params(params, header=header), encoding="utf-8")
