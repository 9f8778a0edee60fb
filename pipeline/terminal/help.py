"""The help of a stage: what it does, how it is called, the values that it reads. Hydra's own takes too long to import.

Whoever asks for Hydra's flags gets Hydra's page, by `--hydra-help`.
"""

import sys
from collections.abc import Iterable
from textwrap import indent

import yaml

from pipeline.terminal.listing import presets, read_yaml, stages, table
from pipeline.values.paths import PRESETS, repository

USAGE = """\
usage: python -m pipeline.{stage}{choices} [SECTION.KEY=VALUE ...]
       python -m pipeline.{stage} -m SECTION.KEY=VALUE,VALUE [...]
"""
PLAIN_USAGE = "usage: python -m pipeline.{stage}\n"
SWEEP_USAGE = "       python -m pipeline.{stage} -m sweep=SWEEP [...]\n"

OPTIONS = """\
By hand the files go to scratch/, with -m to sweeps/; `dvc repro` writes outputs/.

  -m, --multirun  a job for each combination of the values, and of the tasks and
                  seeds that are not given; launcher=processes|serial|slurm runs
                  them, jobs_at_once=N at a time
  --cfg job       show the values that a run would have, and run nothing
  --hydra-help    Hydra's other flags
  -h, --help      this
"""
EXIT_CODES = "Exit codes: 0 done; 1 failed; 2 bad input; 130, 143 stopped by Ctrl-C, SIGTERM.\n"


def is_asked_for(arguments: Iterable[str]) -> bool:
    """Whether the command line of a stage asks for help."""
    return not {"-h", "--help"}.isdisjoint(arguments)


def stage_help(stage: str, text: str) -> str:
    """The help of a stage whose docstring is `text`, with today's values of the sections that dvc.yaml declares for it.

    Raises:
        InputError: if params.yaml or dvc.yaml cannot be read.
    """
    here = repository()
    entry = stages(here)[stage]
    values = read_yaml(here / "params.yaml")
    choices = "".join(f" {name}={name.upper()}" for name in entry.get("matrix", {}))
    # What is declared of another file, as of conf/tasks.yaml, is a mapping.
    sections = {name: values.get(name) for name in entry.get("params", []) if isinstance(name, str)}
    sweeps = {name: line for name, line in presets(PRESETS / "sweep").items() if _is_of(name, stage)}
    usage = USAGE + (SWEEP_USAGE if sweeps else "") if sections else PLAIN_USAGE
    blocks = [usage.format(stage=stage, choices=choices), text.strip() + "\n", *([OPTIONS] if sections else [])]
    if sweeps:
        blocks.append("Sweeps:\n" + table(sweeps.items(), width=max(map(len, sweeps))))
    if sections:
        dumped = yaml.dump(sections, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=76)
        blocks.append("Values of this stage, from params.yaml:\n" + indent(dumped, "  "))
    return "\n".join([*blocks, EXIT_CODES])


def show_help(stage: str, text: str) -> None:
    """Print it."""
    sys.stdout.write(stage_help(stage, text))


def _is_of(sweep: str, stage: str) -> bool:
    """Whether the values of a sweep are the stage's own."""
    given = read_yaml(PRESETS / "sweep" / f"{sweep}.yaml")["hydra"]["sweeper"]["params"]
    return {key.partition(".")[0] for key in given} == {stage}


class _Dumper(yaml.SafeDumper):
    """Writes lists in one line, as they are given on a command line."""


_Dumper.add_representer(list, lambda dumper, values: dumper.represent_sequence("tag:yaml.org,2002:seq", values, True))
