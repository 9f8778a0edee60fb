"""How Python was started: what it says of texts and of docstrings, on which packages rely."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from pipeline.errors import InputError


def check_interpreter() -> None:
    """Refuse what no later message would explain; where stdout cannot show a sign, it shows a question mark.

    A closed stdout or stderr takes what is printed and drops it.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for as long as it runs
    check_docstrings(sys.flags.optimize)
    check_encoding(sys.argv, sys.getfilesystemencoding())
    # A text's sign would end the command after all its work. In a notebook stdout is no file.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def check_docstrings(level: int) -> None:
    """Raise InputError if Python dropped docstrings: transformers reads those of its models to make others."""
    if level > 1:
        raise InputError(
            "Python runs with -OO, which drops the docstrings that transformers reads: leave it out, and unset "
            "PYTHONOPTIMIZE"
        )


def check_encoding(arguments: Sequence[str], encoding: str) -> None:
    """Raise InputError if an argument holds bytes that are no text in `encoding`, by which Python has read it."""
    for argument in arguments if encoding != "utf-8" else ():
        if any("\udc80" <= one <= "\udcff" for one in argument):
            raise InputError(f"{argument!a} is no {encoding}, as which Python reads arguments here: set PYTHONUTF8=1")
