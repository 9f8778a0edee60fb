"""Bad input ends a command with one line and exit code 2.

Hydra is imported once there is an error: a command that works, or shows its help, may need none of it.
"""

import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EPIPE)  # a full or read-only disk, a reader that has left


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """Print one line to stderr and exit with 2 where the block fails on bad input; other exceptions pass.

    Where the reader of what is printed has left, as `head` does, nothing is said, and the exit code is that of SIGPIPE.
    """
    try:
        yield
        sys.stdout.flush()
    except Exception as error:
        if not is_bad_input(error):
            raise
        left = isinstance(error, BrokenPipeError) and error.filename is None
        if not left:
            sys.stderr.write(f"error: {one_line(error)}\n")
        _drop_what_cannot_be_printed()
        sys.exit(128 + signal.SIGPIPE if left else 2)


def _drop_what_cannot_be_printed() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again when it ends, and say so on lines of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_bad_input(error: Exception) -> bool:
    """Whether the project refused a value (a ValueError of its own), Hydra an override, or the system an output."""
    return _own(error) or _systems(error) or _hydras(error)


def _own(error: Exception) -> bool:
    return isinstance(error, ValueError) and type(error).__module__.split(".")[0] in ("attattr", "pipeline")


def _systems(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in NO_MORE


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
    if isinstance(error, OSError) and _systems(error):
        return f"{error.filename or 'the output'} cannot be written: {error.strerror}"
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
