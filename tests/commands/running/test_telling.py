"""What `make repro` says: of real processes of DVC, with stages of a moment."""

import io
import re
from pathlib import Path

import pytest
from run_by_hand import Start, ended

from pipeline.commands.running import telling
from pipeline.commands.running.telling import LOG, Telling
from pipeline.values.params import PARAMS_FILE
from pipeline.values.store import read_json

LINE = re.compile(r"\[(\d)/(\d)\] \d:\d\d  (\S+(?: \S+)?) +(\d+) s$")
BOILERPLATE = ("Running stage", "Updating lock file", "> python", "dvc push")


def add_to_work(code: str) -> None:
    Path("work.py").write_text(Path("work.py").read_text() + code)


def test_a_line_for_each_stage_and_none_of_dvcs(start: Start) -> None:
    add_to_work("print('12:00:00 INFO __main__: fine', file=sys.stderr)\nprint('lib.py:1: UserWarning: old')\n")
    code, out, said = ended(start("1"))
    assert (code, said) == (0, "")
    assert re.match(r"0:\d\d  source +\d+ s\n5 stages to run\. Their output: outputs/repro\.log\n", out)
    found = [match.groups() for line in out.splitlines() if (match := LINE.match(line))]
    assert [(number, total) for number, total, *_ in found] == [(str(n), "5") for n in range(1, 6)]
    assert [name for _, _, name, _ in found] == [
        *(f"{stage} {model}-1" for model in ("negation", "inference") for stage in ("one", "two")),
        "tables",
    ]
    assert not any(text in out for text in (*BOILERPLATE, "fine", "UserWarning"))
    log = LOG.read_text()
    assert all(text in log for text in BOILERPLATE)
    assert "two inference-1 | 12:00:00 INFO __main__: fine\n" in log
    assert "one negation-1 | lib.py:1: UserWarning: old\n" in log
    assert all(line in log for line in out.splitlines()[:7])
    assert f"\nwhat the stages said: {LOG}\n" in out
    measured = read_json(Path("outputs/times/repro.json"))
    assert measured.keys() == {
        "source",
        "tables",
        *(f"{s}@{m}-1" for s in ("one", "two") for m in ("negation", "inference")),
    }


def test_the_next_run_says_how_long_it_will_take(start: Start) -> None:
    assert ended(start("2"))[0] == 0
    for path in Path("outputs/two").iterdir():
        path.unlink()
    _, out, _ = ended(start("2"))
    assert "3 stages to run, of 2 models at once; about 10 seconds by earlier runs." in out
    assert re.search(r"\] 0:\d\d  two negation-1 +from DVC's cache\n", out)
    assert "up to date" in out  # what is over all models reads what it has read


def test_warnings_and_errors_are_shown_with_the_stages_name(start: Start) -> None:
    add_to_work("print('12:00:00 WARNING __main__: odd', file=sys.stderr)\n")
    add_to_work("if (stage, model) == ('two', 'negation-1'):\n    raise ValueError('of two\\nlines')\n")
    code, out, said = ended(start("1"))
    assert code == 1
    lines = said.splitlines()
    assert lines[0] == "one negation-1 | 12:00:00 WARNING __main__: odd"
    begun = lines.index("two negation-1 | Traceback (most recent call last):")
    assert "two negation-1 | ValueError: of two" in lines[begun:]
    assert "two negation-1 | lines" in lines[begun:]
    assert any(line.startswith("two negation-1 | ERROR: failed to reproduce 'two@negation-1'") for line in lines)
    assert lines[-2:] == ["all that was said: outputs/repro.log", "error: stages of negation-1 failed"]
    assert re.search(r"^\[1/5\] 0:\d\d  two negation-1 +failed after \d+ s$", out, re.MULTILINE)
    assert "two inference-1" in out


def test_with_the_log_level_debug_everything_is_shown(start: Start) -> None:
    Path(PARAMS_FILE).write_text(Path(PARAMS_FILE).read_text().replace("log_level: INFO", "log_level: DEBUG"))
    code, _, said = ended(start("1"))
    assert code == 0
    assert all(text in said for text in BOILERPLATE)
    assert "source | Updating lock file 'dvc.lock'" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_runs_and_wipes_it_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    screen, moments = Terminal(), iter(range(1000, 2000, 30))
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr(telling.time, "monotonic", lambda: next(moments))
    told = Telling(io.StringIO(), everything=False, known={"prune@a-1": 400.0}, result=lambda _: "a word")
    told.expect(["prune@a-1", "prune@a-2"], at_once=2)
    told.hear("a-1", "Running stage 'prune@a-1':")
    told.hear("a-2", "Running stage 'prune@a-2':")
    told.tick()
    drawn = screen.getvalue().splitlines()[-1]
    assert re.fullmatch(r"\[0/2\] \d:\d\d  prune a-1 90 s, prune a-2 30 s, about \d minutes left", drawn)
    told.leave("a-1", failed=False)
    *_, wiped, line = screen.getvalue().split("\r")
    assert (wiped.strip(), len(wiped)) == ("", len(drawn))
    assert re.fullmatch(r"\[1/2\] \d:\d\d  prune a-1 +\d+ s  a word\n", line)


def test_a_result_that_cannot_be_read_leaves_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    log = io.StringIO()

    def result(_: str) -> str:
        raise KeyError("none")

    told = Telling(log, everything=False, known={}, result=result)
    told.expect(["prune@a-1"], at_once=1)
    told.hear("a-1", "Running stage 'prune@a-1':")
    told.leave("a-1", failed=False)
    assert re.search(r"\[1/1\] 0:00  prune a-1 +0 s\n", log.getvalue())
    assert "prune a-1 | no words for its result: KeyError('none')" in log.getvalue()
