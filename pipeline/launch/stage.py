"""A stage's run, or the jobs of its sweep: values are composed by Hydra, checked, and handed to the stage's `main`."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from pipeline.errors import InputError
from pipeline.launch.alone import alone
from pipeline.launch.environment import forget_ranks, is_run_by_dvc, output_root
from pipeline.launch.group import ALONE, group_of
from pipeline.launch.hydra_app import compose, configure_logging, show
from pipeline.launch.inputs import (
    check_inputs,
    input_root,
    read_inputs,
    without_part,
    write_output_sums,
)
from pipeline.launch.item import chosen_by_dvc
from pipeline.launch.processes import jobs_at_once, places_for, run_processes
from pipeline.launch.signals import exit_on_signal
from pipeline.launch.sweep import Sweep, is_multirun, is_shown, plan_sweep, swept_values
from pipeline.launch.sweep_jobs import conclude, give_up, run_job, unfinished_folder
from pipeline.launch.times import write_time
from pipeline.terminal.errors import is_bad_input, one_line
from pipeline.values.choices import check_choices
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
from pipeline.values.paths import repository
from pipeline.values.schema import Params
from pipeline.values.tables import emptied_tables

log = logging.getLogger(__name__)

Main = Callable[[StageConfig], None]


def run(stage: str, main: Main) -> None:
    """Run `main` as the process's command line says.

    Raises:
        InputError: for a value that is refused; Hydra's own errors, and those of a single run's `main`, pass through.
    """
    os.chdir(repository())
    declaration, arguments = read_declaration(stage), sys.argv[1:]
    file_values = read_values()
    params = load_params(file_values)
    configure_logging(params.run.log_level)
    check_choices([argument for argument in arguments if "=" in argument and not argument.startswith("-")])
    _refuse_unread(stage, arguments, declaration)
    _refuse_unread(stage, swept_values(arguments), declaration, of="the sweep's ")
    sweep = plan_sweep(stage, arguments, declaration, params) if is_multirun(arguments) else None
    _offer(stage, emptied_tables(file_values, arguments), declaration, sweep)
    if is_shown(arguments):
        show(arguments, sweep)
    elif sweep is None:
        _run_once(_Stage(stage, main, file_values, declaration))
    else:
        _run_sweep(_SweptStage(stage, main, file_values, declaration, sweep, params.run.log_level))
        conclude(sweep)


@dataclass(frozen=True)
class _Stage:
    """What a run needs beside its composed values."""

    name: str
    main: Main
    file_values: dict[str, Any]
    declaration: Declaration

    def work(self, config: StageConfig) -> None:
        """Do what `main` does, and leave no bar on the terminal, whatever ends it."""
        group = group_of(config)
        if group == ALONE:
            forget_ranks()
        try:
            self.main(config)
            if group.leads:
                write_output_sums(config)
        except FileNotFoundError as error:
            if refusal := without_part(error, config, self.declaration):
                raise refusal from None
            raise
        finally:
            if "pipeline.terminal.progress" in sys.modules:  # not every stage has one
                sys.modules["pipeline.terminal.progress"].end_bars()


@dataclass(frozen=True)
class _SweptStage(_Stage):
    sweep: Sweep
    log_level: str

    def run(self, name: str, composed: DictConfig) -> None:
        """Run one job, in whatever process the launcher has for it."""

        def work() -> None:
            configure_logging(self.log_level)  # a launcher's process starts without
            run_job(
                self.sweep,
                name,
                configure=lambda: _with_inputs(self, self.configured(name, composed)),
                main=self.work,
                declaration=self.declaration,
            )

        exit_on_signal(work)

    def configured(self, name: str, composed: DictConfig) -> StageConfig:
        """What the stage sees in a job."""
        place = {"output_root": unfinished_folder(self.sweep, name), "sweep": self.sweep.folder}
        return _stage_config(self, composed, **place)

    def refusal(self, name: str, composed: DictConfig) -> str | None:
        """Why a job cannot begin, if it cannot."""
        try:
            read_inputs(self.configured(name, composed), self.declaration)
        except Exception as error:
            if not is_bad_input(error):
                raise
            return one_line(error)
        return None


def _run_once(stage: _Stage) -> None:
    failures: list[Exception] = []

    def task(composed: DictConfig) -> None:
        # Hydra prints more than one line about an exception of a single run, so that one travels around it.
        try:
            config = _stage_config(stage, composed)
            leads = group_of(config).leads
            if not leads:
                logging.disable(logging.INFO)  # the first process says it
            config = _with_inputs(stage, config)
            if not leads:
                stage.work(config)
                return
            if config.output_root != Path():
                log.info("by hand: what %s writes goes to %s", stage.name, config.output_root)
                write_values(config)
            with alone(config):
                stage.work(config)
                if config.output_root == Path() and config.label:
                    write_time(config)
        except Exception as error:
            failures.append(error)

    compose(task)
    if failures:
        raise failures[0]


def _run_sweep(stage: _SweptStage) -> None:
    sweep, jobs, launchers = stage.sweep, dict[str, DictConfig](), set[str]()

    def task(composed: DictConfig) -> None:
        name, launcher = sweep.name(HydraConfig.get().overrides.task), HydraConfig.get().runtime.choices["launcher"]
        if launcher == "slurm":
            stage.run(name, composed)  # on another machine
        else:
            launchers.add(launcher)
            jobs[name] = composed  # Hydra's own launchers have no processes that survive each other

    try:
        compose(task)
    except Exception as error:
        if is_bad_input(error):
            raise
        # Jobs raise nothing: the launcher has failed.
        log.error("%s broke off: %s", sweep.folder, one_line(error), exc_info=log.isEnabledFor(logging.DEBUG))
    finally:
        shutil.rmtree(sweep.composed, ignore_errors=True)
        with suppress(OSError):  # it holds something else, or was not made
            sweep.composed.parent.rmdir()
    places = places_for(jobs.values())
    at_once = jobs_at_once(jobs.values(), places)
    refused = {name: why for name, composed in jobs.items() if (why := stage.refusal(name, composed))}
    if refused and len(refused) == len(jobs):
        sys.stderr.writelines(f"error: {name} failed: {why}\n" for name, why in refused.items())
        sys.exit(2)  # nothing has been written
    if launchers == {"serial"}:
        for name, composed in jobs.items():
            stage.run(name, composed)
        return
    for name, exit_code in run_processes(stage.run, jobs, at_once=at_once, places=places):
        give_up(sweep, name, exit_code)


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


def _stage_config(stage: _Stage, composed: DictConfig, **place: Path) -> StageConfig:
    """Check the composed values and make what the stage sees of them."""
    values = plain(composed)
    task, seed, _ = (values.pop(key, None) for key in ("task", "seed", "jobs_at_once"))
    params = load_params({**stage.file_values, **values})
    configure_logging(params.run.log_level)
    if task is None and seed is None and not place:
        task, seed = chosen_by_dvc(stage.name, stage.declaration, params)
    _check_choice(stage, "task", task, params.tasks)
    _check_choice(stage, "seed", seed, params.seeds)
    place = place or {"output_root": output_root(stage.name, task, seed)}
    return StageConfig(params, stage=stage.name, declared=stage.declaration.sections, task=task, seed=seed, **place)


def _with_inputs(stage: _Stage, config: StageConfig) -> StageConfig:
    """Let it find what it reads, and say so where that is not in its usual place."""
    found = read_inputs(config, stage.declaration)
    for made, place in found.items():
        if place != made.path:
            log.info("there is no %s: reading %s", made.path, place)
        elif place != made.by_hand and made.by_hand.exists() and not is_run_by_dvc(config.stage):
            log.info("reading %s, as DVC made it, and not %s", place, made.by_hand)
    check_inputs(found)
    config.input_root = input_root(found)
    return config


def _check_choice(stage: _Stage, name: str, value: object, known: tuple[Any, ...]) -> None:
    listed = ", ".join(str(item) for item in known)
    if name not in stage.declaration.matrix:
        if value is not None:
            raise InputError(f"{name} is {value}, but stage {stage.name} takes no {name}")
    elif value is None:
        raise InputError(f"{name} is missing; give {name}=<one of {listed}>")
    elif not any(type(value) is type(one) and value == one for one in known):  # 1.0 would draw other numbers than 1
        raise InputError(f"{name} is {value}, but must be one of {listed} ({name}s in params.yaml)")
