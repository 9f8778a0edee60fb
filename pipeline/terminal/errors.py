"""Bad input ends a command with one line and exit code 2.

Hydra is imported once there is an error: a command that works, or shows its help, may need none of it.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """Print one line to stderr and exit with 2 where the block fails on bad input; other exceptions pass."""
    try:
        yield
    except Exception as error:
        if not is_bad_input(error):
            raise
        sys.stderr.write(f"error: {one_line(error)}\n")
        sys.exit(2)


def is_bad_input(error: Exception) -> bool:
    """Whether the project refused a value (a ValueError of its own), or Hydra an override."""
    return _own(error) or _hydras(error)


def _own(error: Exception) -> bool:
    return isinstance(error, ValueError) and type(error).__module__.split(".")[0] in ("attattr", "pipeline")


def _hydras(error: Exception) -> bool:
    # Imported when something has failed: not every command imports Hydra, which takes a third of a second.
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    return isinstance(error, HydraException | OmegaConfBaseException)


def one_line(error: Exception) -> str:
    """The message of `error` in one line; Hydra's are put in the terms of params.yaml."""
    text = " ".join(str(error).split())
    if _own(error):
        return text
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException

    from pipeline.values.messages import unknown_key
    from pipeline.values.schema import Params

    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return " ".join(f"{group} is {name}, but must be one of {', '.join(error.options)}".split())
    if isinstance(error, OverrideParseException):
        return f"{error.override} cannot be read as KEY=VALUE: {text.split(' See https://')[0]}"
    key = re.match(r"Could not override '([\w.]+)'", text)
    if isinstance(error, HydraException) and key:
        return unknown_key(tuple(key.group(1).split(".")), model=Params)
    return text
