"""What the code imports against what dvc.yaml declares: an undeclared import is a stale result nobody notices."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ROOT / "pipeline"
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = sorted(GRAPH)


def module_file(name: str) -> Path | None:
    """The file of a module of this project, None for what is none (a function, another project)."""
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def imported_names(path: Path) -> frozenset[str]:
    """Every dotted name that a file imports, at its top or inside a function, also only for type checkers."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            # `from package import name`: the name may be a module.
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def own_imports(path: Path) -> set[Path]:
    """Files of this project that importing `path` runs: the modules it names, and their packages."""
    found = set()
    for name in imported_names(path):
        if name.split(".")[0] == "pipeline" and module_file(name):
            parts = name.split(".")
            found |= {module_file(".".join(parts[:count])) for count in range(1, len(parts) + 1)}
    return {file for file in found if file}


def closure(start: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = {start}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= own_imports(path) - seen
    return seen


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
def test_all_that_a_stage_imports_is_among_its_deps(stage):
    deps = [ROOT / dep for dep in GRAPH[stage]["deps"] if "${" not in dep]
    missing = {
        str(path.relative_to(ROOT))
        for path in closure(stage_file(stage))
        # Files of a package without code change no result.
        if has_code(path) and not any(path == dep or dep in path.parents for dep in deps)
    }
    assert not missing, f"stages.{stage}.deps lacks {sorted(missing)}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_source_that_it_does_not_import(stage):
    needed = closure(stage_file(stage))
    for dep in GRAPH[stage]["deps"]:
        if dep.startswith("pipeline/"):
            path = ROOT / dep
            assert path.exists(), f"stages.{stage}.deps names {dep}, which is not there"
            assert any(file == path or path in file.parents for file in needed), (
                f"stages.{stage}.deps names {dep}, which it does not import"
            )


def has_code(path: Path) -> bool:
    """Whether a file is more than a docstring."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def test_the_method_needs_torch_transformers_and_numpy_alone():
    allowed = {"torch", "transformers", "numpy", *sys.stdlib_module_names}
    files = sorted((PIPELINE / "attattr").rglob("*.py"))
    assert files
    for path in files:
        for name in imported_names(path):
            own = name == "pipeline.attattr" or name.startswith("pipeline.attattr.")
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
