"""The graph under DVC, as a user runs it: tiny values, every stage, in a repository of its own."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.digests.closure import OUTSIDE, own_imports
from pipeline.digests.pins import COMPUTING, NAMED, canonical
from pipeline.digests.said import digest

ROOT = Path(__file__).resolve().parents[1]
TRACED = ROOT / "tests" / "traced"
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text())
GRAPH = DVC["stages"]
PLOTS = [name for entry in DVC["plots"] if isinstance(entry, dict) for name in entry]
TINY = (
    "preset=mini_full",
    "seeds=[1]",
    "tasks=[negation]",
    "data.n_train=60",
    "data.n_dev=20",
    "model.layers=2",
    "model.heads=2",
    "model.hidden=16",
    "model.intermediate=16",
    "prepare.n_importance=10",
    "prepare.n_heldout=5",
    "finetune.epochs=1",
    "attribute.steps=2",
    "attribute.n_mine=5",
    "triggers.n_select=3",
    "triggers.hotflip_batch=2",
    "triggers.n_eval=10",
    "triggers.n_triggers=5",
    "tree.n_examples=2",
    "tree.random_trees=3",
    "convergence.n_examples=2",
    "convergence.n_judged=3",
    "convergence.steps=[2,20]",
    "convergence.reference_steps=8",
    "truth.n_examples=2",
    "planted_paths.n_examples=2",
    "planted_paths.n_train=64",
    "planted_paths.epochs=1",
    "shortcut.n_examples=2",
    "shortcut.n_eval=20",
    "shortcut.random_orders=2",
)


class Repository:
    """A copy of the project with a history of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{TRACED}{os.pathsep}{folder}",
            "TRACED": str(folder.resolve()),
            "TRACED_IN": str(folder.resolve().parent / "traced"),
            "WANDB_MODE": "disabled",
            "DVC_NO_ANALYTICS": "1",
        }
        self.environment.pop("ATTATTR_DATA", None)
        self.traced.mkdir()
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in tracked.stdout.split("\0"):
            if name and not name.startswith(("tests/", "metrics/", "dvc.lock", "results/")) and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        self("python", "-m", "pipeline.commands.compose", *TINY)
        self("git", "init", "-q")
        self.commit()

    @property
    def traced(self) -> Path:
        """Where every process of a stage notes what it opens and imports."""
        return Path(self.environment["TRACED_IN"])

    def __call__(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def commit(self) -> None:
        self("git", "add", "--all")
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        self("git", *identity, "commit", "-q", "--allow-empty", "-m", "as it is")

    def stages_run(self, *command: str) -> set[str]:
        """Run a DVC command; the stages that it ran."""
        return {name.split("@")[0] for name in re.findall(r"^Running stage '(.+)':", self(*command), re.MULTILINE)}

    def stale(self) -> set[str]:
        """The stages that DVC sees changed themselves, not by what is before them."""
        return {name.split("@")[0] for name in json.loads(self("dvc", "status", "--json"))}

    def edit(self, section: str, key: str, value: object) -> None:
        """Change one value as a user would."""
        path = self.folder / "params.yaml"
        text = path.read_text()
        edited = re.sub(rf"(?m)(^{section}:\n(?:  .*\n)*?  {key}:).*$", rf"\1 {value}", text)
        assert edited != text
        path.write_text(edited)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """One whole run, in a folder whose name has a space."""
    made = Repository(tmp_path_factory.mktemp("a place") / "a repository")
    assert made.stages_run("dvc", "repro") == set(GRAPH)
    made.commit()
    return made


def test_a_run_leaves_the_report_and_nothing_untracked(repository):
    report = (repository.folder / "outputs/report/index.html").read_text()
    assert "negation" in report
    assert repository("git", "status", "--porcelain") == ""


def test_a_second_run_runs_nothing(repository):
    assert repository.stages_run("dvc", "repro") == set()
    assert "up to date" in repository("dvc", "repro")


@pytest.fixture(scope="module")
def traces(repository):
    """For every stage the files of the project that it opened, those that it imported, and the packages."""
    found = {}
    for path in repository.traced.iterdir():
        opened, imported = found.setdefault(path.name.split("@")[0].split(".")[0], (set(), set()))
        for line in path.read_text().splitlines():
            kind, _, name = line.partition(" ")
            (opened if kind == "open" else imported).add(name)
    return found


# Of the stages' own making or reading, and what launching reads: values, graph, presets, pins, files of git and DVC.
DATA = ("outputs/", "metrics/", ".work/", "wandb/", ".git/", ".dvc/", "params.yaml", "dvc.", "conf/", "requirements.")


@pytest.mark.parametrize("stage", [stage for stage in GRAPH if stage != "source"])
def test_what_a_stage_opens_and_imports_is_covered_by_its_lines(repository, traces, stage):
    """But for launching, tracking and showing, and what those import alone."""
    opened, imported = traces[stage]
    lines = (repository.folder / f"outputs/source/{stage}.txt").read_text().splitlines()
    covered = {line.split(" ")[0].partition(":")[0] for line in lines if " " in line}
    outside = [path for room in OUTSIDE for path in (ROOT / "pipeline" / room).rglob("*.py")]
    launched = {str(file.relative_to(ROOT)) for path in outside for file in {path, *own_imports(path, ROOT)}}
    waiting = {ROOT / name for name in launched}
    while waiting:
        further = {file for path in waiting for file in own_imports(path, ROOT)} - {ROOT / name for name in launched}
        launched |= {str(file.relative_to(ROOT)) for file in further}
        waiting = further
    source = {name for name in imported if name.endswith(".py")}
    assert f"pipeline/{stage}.py" in source
    says_nothing = {name for name in source if digest(ROOT / name) is None}
    assert not source - covered - launched - says_nothing
    read = {name for name in opened if (repository.folder / name).is_file() and not name.endswith((".py", ".pyc"))}
    assert not {name for name in read if not name.startswith(DATA)} - covered


def packages_of(lines):
    return {line.partition("==")[0] for line in lines if "==" in line}


@pytest.mark.parametrize("stage", [stage for stage in GRAPH if stage != "source"])
def test_what_a_stage_computes_with_is_pinned_in_its_lines(repository, traces, stage):
    pinned = packages_of((repository.folder / f"outputs/source/{stage}.txt").read_text().splitlines())
    known = packages_of((ROOT / COMPUTING).read_text().splitlines())
    loaded = {canonical(NAMED.get(name, name)) for name in traces[stage][1] if not name.endswith(".py")}
    # transformers imports it for losses of other models than ours, where it is there.
    assert {name for name in known if canonical(name) in loaded} <= pinned | {"scipy"}


@pytest.mark.parametrize("stage", [stage for stage in GRAPH if stage != "source"])
def test_a_stage_reads_only_the_outputs_that_the_graph_says(traces, stage):
    entry, item = GRAPH[stage], {"${item.task}": "negation", "${item.seed}": "1"}
    places = [*entry["deps"], *entry["outs"], "outputs/source/"]
    for placeholder, value in item.items():
        places = [place.replace(placeholder, value) for place in places]
    # What is written goes into a hidden file or folder of the run's own first.
    hidden = re.compile(r"/\.[0-9a-f]{12}-[0-9a-f]{32}(/|$)")
    read = {name for name in traces[stage][0] if name.startswith("outputs/") and not hidden.search(name)}
    assert read or stage in ("prepare", "planted_paths")
    assert not {name for name in read if not any(name == p or name.startswith(f"{p.rstrip('/')}/") for p in places)}


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("prepare", "max_length", 48),
        ("finetune", "lr", 0.5),
        ("attribute", "steps", 3),
        ("effectiveness", "n_eval", 30),
        ("tree", "tau", 0.5),
        ("analyse", "best_triggers", 2),
        ("prune", "random_orders", 21),
        ("convergence", "n_judged", 5),
        ("figures", "dpi", 90),
        ("report", "title", "Another"),
        ("run", "token_budget", 500),
    ],
)
def test_an_edited_value_concerns_exactly_the_stages_that_declare_its_section(repository, section, key, value):
    before = (repository.folder / "params.yaml").read_text()
    try:
        repository.edit(section, key, value)
        assert repository.stale() == {stage for stage, entry in GRAPH.items() if section in entry.get("params", [])}
    finally:
        (repository.folder / "params.yaml").write_text(before)


@pytest.mark.parametrize(
    ("old", "new", "read_by"),
    [
        # What an entry says beside its labels is for `prepare`, and for the stages over all tasks.
        ("negation:\n", "negation:\n  title: Negation\n", {"prepare"}),
        ("[negative, positive]", "[blame, praise]", {"prepare", "finetune", "triggers", "shortcut"}),
        ("title: RTE", "title: Rte", set()),
    ],
)
def test_an_edited_task_concerns_exactly_the_stages_that_declare_what_was_edited(repository, old, new, read_by):
    path = repository.folder / "conf" / "tasks.yaml"
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    try:
        assert repository.stages_run("dvc", "repro", "source") == {"source"}
        # The report depends on all of conf/.
        assert repository.stale() == read_by | {"analyse", "examples", "figures", "tables", "report"}
    finally:
        path.write_text(before)
        repository("dvc", "repro", "source")


def verify(repository):
    command = (sys.executable, "-m", "pipeline.commands.verify_results", "results/tiny")
    done = subprocess.run(
        command, cwd=repository.folder, env=repository.environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.slow
def test_kept_results_are_verified(repository):
    repository("python", "-m", "pipeline.commands.keep_results", "results/tiny")
    kept = repository.folder / "results/tiny"
    assert not list(kept.rglob("*.safetensors"))
    assert not list(kept.rglob("maps.parquet"))
    assert (kept / "params.yaml").read_bytes() == (repository.folder / "params.yaml").read_bytes()
    code, lines = verify(repository)
    assert code == 0
    names = ("effectiveness", "pruning", "convergence", "completeness")
    expected = {"prepare.json", "records.json", "negation.json", "claims.csv"} | {
        f"{name}.{kind}" for name in names for kind in ("csv", "md", "svg")
    }
    assert {line.split()[1] for line in lines} >= expected
    assert all(line.startswith("same ") for line in lines)

    found = kept / "outputs/analysis/finetune/records.json"
    records = json.loads(found.read_text())
    records["records"][0]["accuracy"] = 0.125
    found.write_text(json.dumps(records))
    code, lines = verify(repository)
    assert code == 1
    assert {line.split()[1] for line in lines if line.startswith("DIFFERENT")} == {"records.json"}

    predictions = kept / "outputs/predictions/negation-1.parquet"
    table = pd.read_parquet(predictions)
    table["predicted"] = 1 - table["label"]
    table.to_parquet(predictions)
    code, lines = verify(repository)
    assert (code, lines) == (2, [])  # it is not the file that was kept
    shutil.rmtree(repository.folder / "results")


def test_an_edit_runs_what_reads_the_value_and_what_changes_by_it(repository):
    repository.edit("figures", "dpi", 90)
    assert repository.stages_run("dvc", "repro") == {"figures", "report"}
    # What counts as a collapse changes, and with it a statistic; no stage that holds a model runs.
    repository.edit("analyse", "collapse_share", 0.9)
    assert repository.stages_run("dvc", "repro") <= {"analyse", "figures", "tables", "report"}
    repository.commit()


def test_a_value_can_be_set_for_one_experiment(repository):
    ran = repository.stages_run("dvc", "exp", "run", "-S", "report.title=An experiment")
    assert ran == {"report"}
    assert "An experiment" in (repository.folder / "outputs/report/index.html").read_text()
    changed = repository("git", "diff", "--unified=0", "--", "params.yaml")
    assert len(re.findall(r"^[+-] ", changed, re.MULTILINE)) == 2


def test_the_metrics_of_a_run_fit_a_terminal(repository):
    said = repository("dvc", "metrics", "show")
    assert max(map(len, said.splitlines())) <= 160
    shown = json.loads(repository("dvc", "metrics", "show", "--json"))[""]["data"]
    metrics = shown["metrics/negation.json"]["data"]
    assert 0 <= metrics["accuracy"] <= 100
    assert len(metrics) <= 12


@pytest.mark.slow
def test_an_experiment_is_compared_in_a_handful_of_lines(repository):
    repository.commit()
    assert "tree" in repository.stages_run("dvc", "exp", "run", "-S", "tree.tau=0.5", "--name", "half")
    said = repository("dvc", "metrics", "diff")
    assert "fail" not in said.lower()
    assert len(said.splitlines()) <= 8
    table = repository("dvc", "exp", "show", "--only-changed", "--md").splitlines()
    assert any("half" in line for line in table)
    assert max(map(len, table)) <= 250
    repository("git", "checkout", "--", ".")
    repository("dvc", "checkout")


@pytest.mark.slow
def test_curves_are_data_that_dvc_lays_over_each_other(repository):
    repository("dvc", "plots", "show")
    page = (repository.folder / "dvc_plots/index.html").read_text()
    for name in PLOTS:
        assert name in page
    repository("dvc", "plots", "diff", "half")
    page = (repository.folder / "dvc_plots/index.html").read_text()
    assert "half" in page
    assert "workspace" in page


def test_a_pushed_run_is_restored_in_a_fresh_clone(repository, tmp_path):
    repository("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    repository("dvc", "push")
    repository.commit()
    clone = copy.copy(repository)
    clone.folder = tmp_path / "a clone"
    clone.environment = repository.environment | {"PYTHONPATH": str(clone.folder)}
    repository("git", "clone", "-q", str(repository.folder), str(clone.folder))
    clone("dvc", "pull")
    assert clone.stages_run("dvc", "repro") == set()
    assert clone("git", "status", "--porcelain") == ""


@pytest.mark.slow
def test_an_experiment_runs_in_a_copy_and_leaves_the_workspace(repository):
    before = (repository.folder / "metrics/negation.json").read_bytes()
    ran = repository.stages_run("dvc", "exp", "run", "--temp", "-S", "report.title=Elsewhere", "--name", "elsewhere")
    assert ran == {"report"}
    assert (repository.folder / "metrics/negation.json").read_bytes() == before
    assert "elsewhere" in repository("dvc", "exp", "list")
