"""What a multirun will run: the jobs of `-m sweep=<name>` (a file of conf/sweep/) or of values given by hand."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from pipeline.errors import InputError
from pipeline.values.params import Declaration
from pipeline.values.paths import PRESETS
from pipeline.values.schema import Params

LONGEST_NAME = 120
CHOICES = ("task", "seed")
# How jobs are run and their values are found, which is not what tells them apart.
# Of submitit: how many processes run a job, each of them.
SEVERAL = ("hydra.launcher.tasks_per_node", "hydra.launcher.nodes")
NO_VALUES = frozenset({"sweep", "launcher", "jobs_at_once"})

Overrides = dict[str, str]


@dataclass(frozen=True)
class Sweep:
    """The jobs of one multirun; a folder of `folder` for each."""

    call: str
    """Tells the command line from others."""
    folder: Path
    keys: frozenset[str]
    """The overrides that tell jobs apart."""
    jobs: dict[str, Overrides]
    """By name, which is the name of the folder."""
    every: Overrides
    """The tasks and seeds that a job takes if the command line names none."""

    def name(self, overrides: Iterable[str]) -> str:
        """The name of the job with these overrides, as Hydra hands them to it."""
        found = _told_apart(overrides, self.keys)
        return next(name for name, job in self.jobs.items() if job == found)

    def hydra(self) -> dict[str, Any]:
        """What Hydra is told of it."""
        return {"sweep": {"dir": str(self.composed)}, "sweeper": {"params": self.every}}

    @property
    def composed(self) -> Path:
        """Where Hydra writes its own notes, before it knows whether it can compose any job: not beside results."""
        return Path(".work") / f"hydra-{self.call}"


MULTIRUN = re.compile(r"-m|--m\w*|\+*hydra\.mode=MULTIRUN")


def is_multirun(arguments: Iterable[str]) -> bool:
    """Whether the command line asks for more than one job."""
    return any(map(MULTIRUN.fullmatch, arguments))


def is_shown(arguments: Sequence[str]) -> bool:
    """Whether the command line asks Hydra to show something, and to run nothing."""
    asked, _ = get_args_parser().parse_known_args(arguments)
    return asked.cfg is not None or asked.info is not None or asked.shell_completion


def single_runs(arguments: Sequence[str], sweep: Sweep) -> dict[str, list[str]]:
    """The command line of each job of a multirun alone, by its name."""
    kept = [argument for argument in arguments if not MULTIRUN.fullmatch(argument)]
    flags = [argument for argument in kept if argument.startswith("-") or "=" not in argument]
    shared = [argument for argument in kept if argument not in flags]
    return {
        name: [
            *flags,
            *(argument for argument in shared if argument.partition("=")[0] not in job),
            *(f"{key}={value}" for key, value in job.items()),
        ]
        for name, job in sweep.jobs.items()
    }


def swept_values(arguments: Sequence[str]) -> Overrides:
    """The values of the sweep that the command line names, as Hydra reads them; none where it names none.

    Raises:
        InputError: if there is no such sweep, or if it is named for a single run.
    """
    name = _sweep_name(arguments)
    if name is None:
        return {}
    known = sorted(path.stem for path in (PRESETS / "sweep").glob("*.yaml"))
    if name not in known:
        raise InputError(f"sweep is {name}, but must be one of {', '.join(known)}")
    if not is_multirun(arguments):
        raise InputError(f"sweep={name} needs -m: python -m pipeline.<stage> -m sweep={name}")
    values = OmegaConf.select(OmegaConf.load(PRESETS / "sweep" / f"{name}.yaml"), "hydra.sweeper.params")
    return {str(key): str(value) for key, value in values.items()}


def plan_sweep(stage: str, arguments: Sequence[str], declaration: Declaration, params: Params) -> Sweep:
    """The jobs of a multirun's command line.

    A task or seed that is not given is every one of params.yaml. Sweeps of the same name, or by hand over the same
    keys, share a folder, so that a job finds what it did before.

    Raises:
        InputError: if two jobs would have the same folder, or several processes the same job. Hydra's own errors, for
            what it cannot read, pass through.
    """
    for argument in arguments:
        if argument.lstrip("+").startswith(("hydra.sweep.", "hydra.sweeper.")):
            raise InputError(f"{argument.partition('=')[0]} cannot be set: sweeps go to sweeps/{stage}/<name>")
        key, _, value = argument.lstrip("+").partition("=")
        if key in SEVERAL and value != "1":
            raise InputError(
                f"{key} is {value}, but must be 1, as all would do the whole job: a job starts its own processes "
                "(hydra.launcher.gpus_per_node=2 run.trainer.strategy=ddp_spawn run.trainer.devices=2)"
            )
    known = dict(zip(CHOICES, (params.tasks, params.seeds), strict=True))
    every = {key: ",".join(map(str, known[key])) for key in CHOICES if key in declaration.matrix}
    given = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    values = _values([*(f"{key}={value}" for key, value in {**every, **swept_values(arguments)}.items()), *given])
    swept = [key for key in values if len(values[key]) > 1]
    keys = frozenset(key for key in values if key not in NO_VALUES and (not key.startswith("run.") or key in swept))
    by_hand = "+".join(sorted(key for key in swept if key in keys and key not in CHOICES)) or "by-hand"
    combinations = [_told_apart(job, keys) for job in product(*values.values())]
    jobs = {_name(stage, job): job for job in combinations}
    if len(jobs) < len(combinations):
        raise InputError("two jobs of the sweep have the same values: give each value once")
    folder = Path("sweeps") / stage / _safe(_sweep_name(arguments) or by_hand)
    return Sweep(uuid4().hex, folder, keys, jobs, every)


def _sweep_name(arguments: Iterable[str]) -> str | None:
    named = [argument.partition("=")[2] for argument in arguments if argument.startswith("sweep=")]
    return named[-1] if named else None


def _values(overrides: Sequence[str]) -> dict[str, list[str]]:
    """Every key's overrides, one per value, as Hydra's own sweeper makes them."""
    values = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if override.is_hydra_override():
            continue
        if override.is_interval_sweep():
            raise InputError(f"{override.input_line} has no values; give them: {key}=1,2 or {key}=range(1,3)")
        several = override.is_discrete_sweep()
        texts = list(override.sweep_string_iterator()) if several else [override.get_value_element_as_str()]
        values[key] = [f"{key}={text}" for text in texts]
    return values


def _told_apart(overrides: Iterable[str], keys: frozenset[str]) -> Overrides:
    pairs = (override.partition("=") for override in overrides)
    return {key: value for key, _, value in pairs if key in keys}


def _name(stage: str, job: Mapping[str, str]) -> str:
    parts = [f"{key.removeprefix(f'{stage}.')}={value}" for key, value in job.items()]
    return _safe(",".join(parts) or stage)


def _safe(name: str) -> str:
    """A folder's name that is `name` as far as it can be."""
    safe = re.sub(r"[^\w.,=+-]", "_", name, flags=re.ASCII)
    if safe == name and len(name) <= LONGEST_NAME:
        return name
    return f"{safe[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
