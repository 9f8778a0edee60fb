"""The arguments of a command: its help is its module's docstring, and what it refuses ends it with one line and 2."""

import argparse
from pathlib import Path
from typing import NoReturn

from pipeline.values.paths import repository


def command_parser(name: str, text: str | None) -> argparse.ArgumentParser:
    """A parser for `python -m pipeline.commands.<name>`; `text` is its docstring, which ends in an example."""
    return _Parser(prog=f"python -m pipeline.commands.{name}", description=text, formatter_class=_Paragraphs)


def given_path(text: str) -> Path:
    """A path that stays what it is where the command was called: commands change into the repository."""
    return Path(text) if Path.cwd() == repository() else Path(text).absolute()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


class _Paragraphs(argparse.HelpFormatter):
    """Fills each paragraph for itself, and leaves what is to be typed in its line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip().split("\n\n")
        fill = super()._fill_text
        filled = [part if part.startswith("Run:") else fill(part, width, indent) for part in paragraphs]
        return "\n\n".join(filled)
