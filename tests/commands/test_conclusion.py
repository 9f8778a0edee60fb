"""The last lines of `make repro`."""

import subprocess
from pathlib import Path

import pytest

from pipeline.commands.conclusion import main, verdicts
from pipeline.reporting.table_text import to_csv
from pipeline.values.params import dump_params
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json

ROOT = Path(__file__).resolve().parents[2]
KEPT = read_json(ROOT / "results/mini/outputs/analysis/claims/records.json")["records"]
CLAIMS = [{"claim": one["id"], "statement": one["claim"], "verdict": one["verdict"]} for one in KEPT]


@pytest.fixture
def run(workspace: Path) -> Path:
    """A finished run's table of claims, in a repository of its own."""
    Path("outputs/tables").mkdir(parents=True)
    Path("outputs/tables/claims.csv").write_text(to_csv(CLAIMS))
    values = compose_params(["preset=mini", "tasks=[negation]", "seeds=[1,2]"])
    Path("params.yaml").write_text(dump_params(values, header="A test's."))
    return workspace


def words(table: str, *, begin: int, end: int | None) -> str:
    return " ".join(" ".join(line[begin:end].split()) for line in table.splitlines() if line[begin:end].strip())


@pytest.mark.parametrize("kept", [{}, {one["claim"]: one["verdict"] for one in CLAIMS}])
def test_the_table_fits_80_columns_and_leaves_no_word_out(kept: dict[str, str]) -> None:
    table = verdicts(CLAIMS, kept)
    assert max(map(len, table.splitlines())) <= 80
    starts = [*(table.splitlines()[0].index(name) for name in ("claim", "statement", "verdict")), None]
    rows = "\n".join(table.splitlines()[2:])
    assert words(rows, begin=0, end=starts[1]) == " ".join(one["claim"] for one in CLAIMS)
    assert words(rows, begin=starts[1], end=starts[2]) == " ".join(one["statement"] for one in CLAIMS)
    if not kept:
        assert words(rows, begin=starts[2], end=None) == " ".join(one["verdict"] for one in CLAIMS)
    else:
        assert table.splitlines()[0].endswith("kept results say")


def test_values_log_and_report_are_named(run: Path, capsys: pytest.CaptureFixture[str], exit_code) -> None:
    assert exit_code(main, []) == 0
    said = capsys.readouterr().out
    assert said.endswith(
        f"\n\nvalues and intervals: outputs/tables/claims.md\n\nReport: {run}/outputs/report/index.html\n"
    )
    Path("outputs/repro.log").touch()
    assert exit_code(main, []) == 0
    assert "\nwhat the stages said: outputs/repro.log\n" in capsys.readouterr().out


def test_one_model_a_task_is_said_to_decide_nothing(run: Path, capsys: pytest.CaptureFixture[str], exit_code) -> None:
    line = "one model a task decides no claim; the kept results are those of results/mini"
    assert exit_code(main, []) == 0
    assert line not in capsys.readouterr().out
    Path("params.yaml").write_text(dump_params(compose_params(["preset=mini", "seeds=[1]"]), header="A test's."))
    assert exit_code(main, []) == 0
    assert f"\n{line}\n" in capsys.readouterr().out


def test_why_git_shows_changes_is_said_where_nothing_else_explains_them(
    run: Path, capsys: pytest.CaptureFixture[str], exit_code
) -> None:
    def said() -> str:
        assert exit_code(main, []) == 0
        return "".join(line for line in capsys.readouterr().out.splitlines() if line.startswith("git"))

    assert said() == ""  # no repository
    Path("metrics").mkdir()
    for name in ("dvc.lock", "metrics/rte.json"):
        Path(name).write_text("1")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "dvc.lock", "metrics", "params.yaml"], ["commit", "-qm", "run"]):
        subprocess.run([*git, *command], check=True)
    assert said() == ""
    Path("dvc.lock").write_text("2")
    assert said() == "git shows dvc.lock changed: another processor trains other weights"
    Path("metrics/rte.json").write_text("2")
    line = said()
    assert line == "git shows dvc.lock and metrics changed: another processor trains other weights"
    assert len(line) <= 80
    with Path("params.yaml").open("a") as file:
        file.write("\n")
    assert said() == ""
