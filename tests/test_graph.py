"""What the code imports against what dvc.yaml declares: an undeclared import is a stale result nobody notices."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.commands.graph.closure import PIPELINE, ROOT, closure, exact_deps, imported_names, own_imports
from pipeline.values.schema import Params

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


# Every room, and what stands beside them, after all that it may import.
ORDER = (
    *("errors", "values", "terminal", "analysis", "launch", "predicting", "data", "exporting", "scoring", "tracking"),
    *("training", "experiments", "viewer", "reporting", "stages", "commands"),
)


def modules():
    """Every module by its name, and the modules of ours that it imports anywhere, for type checkers alone too."""
    paths = [path for top in (ROOT / "attattr", PIPELINE) for path in top.rglob("*.py")]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    return {name: _imported(path) & names.keys() - {name} for name, path in names.items()}


def _imported(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def test_no_modules_import_each_other_in_a_circle():
    graph = modules()
    assert len(graph) > 100
    while free := [name for name, needs in graph.items() if not needs & graph.keys()]:
        graph = {name: needs for name, needs in graph.items() if name not in free}
    assert not graph, "in a circle, or above one"


def test_rooms_have_an_order():
    def room(name):
        parts = name.split(".")
        known = len(parts) > 1 and parts[1] in ORDER
        return ORDER.index(parts[1] if known else "stages")

    for name, needs in modules().items():
        if name.startswith("pipeline."):
            above = {need for need in needs if need.startswith("pipeline.") and room(need) > room(name)}
            assert not above, f"{name} imports {above}"
    assert {path.name for path in PIPELINE.iterdir() if (path / "__init__.py").is_file()} < {*ORDER}


def test_the_report_declares_every_section():
    """One that it does not see would be missing from its table of values that differ from the preset."""
    assert {*Params.model_fields} - {"run"} <= {*GRAPH["report"]["params"]}
