"""Every recipe of docs/extending.md: its diff is small, applies to the project as it is, and what it adds works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIFFS = sorted((ROOT / "docs" / "extending").glob("*.diff"))
# What is run in the copy: `recipes/<name>.py`, and tests of the project that find by themselves what was added.
BESIDE = {
    "experiment": ["tests/test_graph.py", "tests/reporting/test_experiments.py"],
    "family": ["tests/attattr/test_attribution.py", "tests/attattr/test_branching.py"],
    "method": [],
    "score": ["tests/attattr/scores/test_scores.py"],
}
ADDED = {"experiment": "concentration", "family": "ernie", "method": "fisher", "score": "transformed_norm"}


def test_the_page_names_every_diff_and_no_other():
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    assert {path.stem for path in DIFFS} == set(BESIDE)
    assert set(re.findall(r"\]\((extending/[\w.]+)\)", page)) == {f"extending/{path.name}" for path in DIFFS}


@pytest.mark.parametrize("diff", DIFFS, ids=lambda path: path.stem)
def test_a_diff_changes_less_than_thirty_lines_of_code(diff):
    changed = re.findall(r"^[+-](?!\+\+|--)(.*)$", diff.read_text(encoding="utf-8"), re.MULTILINE)
    code = [line for line in changed if line.strip() and not line.strip().startswith('"""')]
    assert 0 < len(code) < 30


@pytest.fixture(params=DIFFS, ids=lambda path: path.stem)
def patched(request, tmp_path):
    """A copy of the project with one of the diffs applied, and the recipe's name."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split("\0"):
        if name and not name.startswith(("results/", "benchmarks/", "notebooks/")) and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    # Of its own, so that git does not look for a repository above it.
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "git", "apply", str(request.param))
    return tmp_path, request.param.stem


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder), "WANDB_MODE": "disabled"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_what_a_diff_adds_works(patched):
    folder, recipe = patched
    own = [f"tests/docs/recipes/{recipe}.py"] if recipe != "family" else []
    pytest_run = [sys.executable, "-m", "pytest", "-rp", "-p", "no:cacheprovider", *own, *BESIDE[recipe]]
    said = run(folder, *pytest_run, "-k", f"recipe or {ADDED[recipe]} or declares_every_section")
    for file in (*own, *BESIDE[recipe]):
        assert f"PASSED {file}::" in said, f"{file} tests nothing of what was added"
