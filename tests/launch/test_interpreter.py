"""How Python was started: without docstrings, with another encoding than UTF-8."""

import io
import os
import sys

import pytest

from pipeline.errors import InputError
from pipeline.launch.interpreter import check_docstrings, check_encoding, check_interpreter


def test_without_docstrings_nothing_is_begun():
    check_docstrings(0)
    check_docstrings(1)
    with pytest.raises(InputError, match=r"Python runs with -OO, .*: leave it out, and unset PYTHONOPTIMIZE"):
        check_docstrings(2)


def test_an_argument_that_was_read_in_another_encoding_is_refused_with_what_helps():
    given = ["explain", "the naïve film".encode().decode("ascii", "surrogateescape")]
    with pytest.raises(InputError, match="is no ascii, as which Python reads arguments here: set PYTHONUTF8=1"):
        check_encoding(given, "ascii")
    check_encoding(["explain", "the film"], "ascii")
    check_encoding(["explain", "the naïve film"], "iso8859-1")
    # In UTF-8 it is no text at all, which is said of the text.
    check_encoding(given, "utf-8")


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "na?ve ?"), ("iso8859-1", "naïve ?"), ("utf-8", "naïve 字")])
def test_a_sign_that_a_terminal_lacks_ends_nothing(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline=""))
    check_interpreter()
    sys.stdout.write("naïve 字")
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == shown


def test_what_a_closed_output_would_show_is_dropped(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    check_interpreter()
    for stream in (sys.stdout, sys.stderr):
        stream.write("naïve 字")
        stream.flush()


def test_an_output_that_is_no_file_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    check_interpreter()
    assert sys.stdout.write(os.linesep)
