"""What the code imports against what dvc.yaml declares: an undeclared import is a stale result nobody notices."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.commands.graph.closure import PIPELINE, ROOT, closure, exact_deps, imported_names, own_imports

GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = sorted(GRAPH)


def stage_file(stage: str) -> Path:
    return PIPELINE / f"{stage}.py"


def test_every_stage_has_its_file_and_its_command():
    assert STAGES
    for stage in STAGES:
        assert stage_file(stage).is_file()
        assert GRAPH[stage]["cmd"].split()[:3] == ["python", "-m", f"pipeline.{stage}"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage(stage):
    others = {stage_file(other) for other in STAGES if other != stage}
    assert not closure(stage_file(stage)) & others


def test_nothing_else_imports_a_stage():
    stages = {stage_file(stage) for stage in STAGES}
    importing = {path for path in PIPELINE.rglob("*.py") if own_imports(path) & stages}
    assert not importing


@pytest.mark.parametrize("stage", STAGES)
def test_the_deps_of_a_stage_are_exactly_what_it_runs(stage):
    """No wider: a folder of which one file is not needed would run models again for a change elsewhere."""
    listed = [dep for dep in GRAPH[stage]["deps"] if dep.startswith(("attattr", "pipeline/"))]
    declared = set(listed)
    assert len(listed) == len(declared), f"stages.{stage}.deps names a file twice"
    sources = {dep for dep in declared if (ROOT / dep).suffix == ".py" or any((ROOT / dep).rglob("*.py"))}
    assert sources == set(exact_deps(stage_file(stage))), f"stages.{stage}.deps"


@pytest.mark.parametrize("stage", STAGES)
def test_files_that_a_stages_source_reads_beside_itself_are_among_its_deps(stage):
    deps = [ROOT / dep for dep in GRAPH[stage]["deps"] if "${" not in dep]
    beside = [path for path in PIPELINE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert beside
    for path in beside:
        readers = [file for file in closure(stage_file(stage)) if file.parent in path.parents and reads(file, path)]
        assert not readers or any(path == dep or dep in path.parents for dep in deps), f"{stage} lacks {path}"


def reads(source, path):
    """Whether a file names a file, or its folder, beside itself."""
    text = source.read_text(encoding="utf-8")
    return "__file__" in text and any(f'"{name}"' in text for name in path.relative_to(source.parent).parts)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_holds_a_model_depends_on_the_versions_that_compute_its_numbers(stage):
    holds_a_model = any("torch" in names_of(path) for path in closure(stage_file(stage)))
    # `prepare` takes from transformers the tokenizer alone, whose ids are in its outputs' digests.
    assert ("requirements.model.lock" in GRAPH[stage]["deps"]) == (holds_a_model and stage != "prepare")


def names_of(path):
    return {name.split(".")[0] for name in imported_names(path)}


def test_the_launcher_is_in_no_stages_deps():
    deps = {dep for stage in STAGES for dep in GRAPH[stage]["deps"]}
    assert not {
        dep
        for dep in deps
        if dep.startswith(("pipeline/launch", "pipeline/terminal", "pipeline/tracking")) or dep == "pipeline"
    }


def test_no_experiment_imports_another():
    """What several measure with is in `pipeline/measuring` or `attattr`: an edit of one then runs no other again."""
    folder = PIPELINE / "experiments"
    rooms = {path: {path} if path.is_file() else {*path.rglob("*.py")} for path in folder.iterdir()}
    experiments = {path: files for path, files in rooms.items() if files and path.name != "__init__.py"}
    assert len(experiments) > 5
    for experiment, files in experiments.items():
        others = {file for other, its in experiments.items() if other != experiment for file in its}
        for file in files:
            assert not closure(file) & others, f"{file} imports another experiment"


@pytest.mark.parametrize("room", ["viewer", "measuring", "predicting"])
def test_rooms_below_the_experiments_import_none(room):
    files = [*(PIPELINE / room).rglob("*.py")]
    assert files
    for file in files:
        assert not {path for path in closure(file) if PIPELINE / "experiments" in path.parents}, file


def test_experiments_and_analysis_never_import_each_other():
    for one, other in (("experiments", "analysis"), ("analysis", "experiments")):
        for path in (PIPELINE / one).rglob("*.py"):
            assert not {file for file in closure(path) if PIPELINE / other in file.parents}, path


def test_the_method_needs_torch_transformers_and_numpy_alone():
    allowed = {"torch", "transformers", "numpy", *sys.stdlib_module_names}
    files = sorted((ROOT / "attattr").rglob("*.py"))
    assert files
    for path in files:
        for name in imported_names(path):
            own = "*" in name or name == "attattr" or name.startswith("attattr.")
            assert own or name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_statistics_and_reports_need_no_torch():
    for folder in ("analysis", "reporting"):
        for path in (PIPELINE / folder).rglob("*.py"):
            for file in closure(path):
                heavy = {name.split(".")[0] for name in imported_names(file)} & {"torch", "transformers"}
                assert not heavy, f"{path} imports {heavy} by {file}"


def test_no_file_of_the_pipeline_names_a_place_outside_of_the_repository():
    outside = re.compile(r"\.\./(?!figures\b)|(?<![\w.}])/(home|root|tmp|mnt|work|opt|data|Users)/")
    for path in PIPELINE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            found = outside.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path} names {found[0]}"
