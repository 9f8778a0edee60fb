"""What the code imports against what dvc.yaml declares: an undeclared import is a stale result nobody notices."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.digests.closure import OUTSIDE, closure, own_imports, packages
from pipeline.digests.pins import ALL as PINS
from pipeline.digests.pins import COMPUTING as MODEL_PINS
from pipeline.digests.stage import all_lines
from pipeline.values.paths import source_file
from pipeline.values.schema import Params

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = ROOT / "pipeline"
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = sorted(GRAPH)
COMPUTING = [stage for stage in STAGES if stage != "source"]
LINES = all_lines(ROOT)


def stage_file(stage: str) -> Path:
    return PIPELINE / f"{stage}.py"


def test_every_stage_has_its_file_and_its_command():
    assert STAGES
    for stage in STAGES:
        assert stage_file(stage).is_file()
        assert GRAPH[stage]["cmd"] == f"python -m pipeline.{stage}"  # of nothing that a shell could run


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage(stage):
    others = {stage_file(other) for other in STAGES if other != stage}
    assert not closure(stage_file(stage), ROOT) & others


def test_nothing_else_imports_a_stage():
    stages = {stage_file(stage) for stage in STAGES}
    importing = {path for path in PIPELINE.rglob("*.py") if own_imports(path, ROOT) & stages}
    assert not importing


@pytest.mark.parametrize("stage", COMPUTING)
def test_a_stage_depends_on_its_own_lines_and_on_no_source_beside(stage):
    deps = GRAPH[stage]["deps"]
    assert [dep for dep in deps if not dep.startswith(("outputs/", "${"))] == []
    # The report says of which source the whole run is.
    own = "outputs/source" if stage == "report" else str(source_file(Path(), stage))
    assert [dep for dep in deps if dep.startswith("outputs/source")] == [own]
    assert len(deps) == len({*deps})


def test_the_first_stage_depends_on_all_that_lines_are_made_of():
    assert {"attattr", "pipeline", "conf", PINS, MODEL_PINS} == {*GRAPH["source"]["deps"]}
    listed = [line.rpartition(" ")[0].partition(":")[0] for lines in LINES.values() for line in lines if " " in line]
    assert {name.split("/")[0] for name in listed} == {"attattr", "pipeline", "conf"}


def test_the_first_stage_runs_without_what_takes_seconds_to_import(tmp_path):
    (tmp_path / "dvc.yaml").write_text("")
    run = "import runpy, sys; runpy.run_module('pipeline.source', run_name='__main__'); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_STAGE": "source"}
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert {path.stem for path in (tmp_path / "outputs/source").glob("*.txt")} == {*COMPUTING, "nothing_outside"}
    assert {"torch", "transformers", "hydra", "omegaconf", "pydantic", "pandas"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("stage", COMPUTING)
def test_a_stage_counts_the_versions_of_what_computes_its_numbers(stage):
    pinned = {line.partition("==")[0] for line in LINES[stage] if "==" in line}
    imported = set().union(*(packages(path) for path in closure(stage_file(stage), ROOT)))
    holds_a_model = imported >= {"torch", "transformers"}
    assert ({"torch", "transformers", "safetensors", "tokenizers"} <= pinned) == holds_a_model
    assert "tokenizers" in pinned or not holds_a_model
    assert "pyarrow" in pinned or stage in ("figures", "tables", "report")


def test_what_else_is_known_to_compute_is_counted():
    pinned = {stage: {line.partition("==")[0] for line in lines if "==" in line} for stage, lines in LINES.items()}
    assert "tokenizers" in pinned["prepare"]
    assert {"pandas", "scipy"} <= pinned["analyse"]
    assert "matplotlib" in pinned["figures"]


def test_no_stage_counts_what_starts_tracks_and_shows_it():
    rooms = tuple(f"pipeline/{room}/" for room in OUTSIDE)
    assert not [line for lines in LINES.values() for line in lines if line.startswith(rooms)]


def test_no_experiment_imports_another():
    """What several measure with is in `pipeline/measuring` or `attattr`: an edit of one then runs no other again."""
    folder = PIPELINE / "experiments"
    rooms = {path: {path} if path.is_file() else {*path.rglob("*.py")} for path in folder.iterdir()}
    experiments = {path: files for path, files in rooms.items() if files and path.name != "__init__.py"}
    assert len(experiments) > 5
    for experiment, files in experiments.items():
        others = {file for other, its in experiments.items() if other != experiment for file in its}
        for file in files:
            assert not closure(file, ROOT) & others, f"{file} imports another experiment"


@pytest.mark.parametrize("room", ["measuring", "predicting"])
def test_rooms_below_the_experiments_import_none(room):
    files = [*(PIPELINE / room).rglob("*.py")]
    assert files
    for file in files:
        assert not {path for path in closure(file, ROOT) if PIPELINE / "experiments" in path.parents}, file


def test_experiments_and_analysis_never_import_each_other():
    for one, other in (("experiments", "analysis"), ("analysis", "experiments")):
        for path in (PIPELINE / one).rglob("*.py"):
            assert not {file for file in closure(path, ROOT) if PIPELINE / other in file.parents}, path


def test_the_method_needs_torch_transformers_numpy_and_safetensors_alone():
    allowed = {"torch", "transformers", "numpy", "safetensors", *sys.stdlib_module_names}
    files = sorted((ROOT / "attattr").rglob("*.py"))
    assert files
    for path in files:
        assert packages(path) <= allowed, path
        assert not {file for file in own_imports(path, ROOT) if PIPELINE in file.parents}, path


def test_statistics_and_reports_need_no_torch():
    for folder in ("analysis", "reporting"):
        for path in (PIPELINE / folder).rglob("*.py"):
            for file in closure(path, ROOT):
                assert not packages(file) & {"torch", "transformers"}, f"{path} imports torch by {file}"


def test_no_file_of_the_pipeline_names_a_place_outside_of_the_repository():
    outside = re.compile(r"\.\./(?!figures\b)|(?<![\w.}])/(home|root|tmp|mnt|work|opt|data|Users)/")
    for path in [*PIPELINE.rglob("*"), *(ROOT / "attattr").rglob("*")]:
        if path.is_file() and "__pycache__" not in path.parts:
            found = outside.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path} names {found[0]}"


# Every room, and what stands beside them, after all that it may import.
ORDER = (
    *(
        "errors",
        "values",
        "digests",
        "terminal",
        "launch",
        "predicting",
        "measuring",
        "analysis",
        "data",
        "exporting",
        "scoring",
        "tracking",
    ),
    *("training", "experiments", "reporting", "stages", "kept", "commands", "finished"),
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


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_import_the_two_faces_alone(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    code = "\n".join(line for source in sources for line in source.split("\n") if not line.startswith("%"))
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    ours = {name for name in found if name.split(".")[0] in ("attattr", "pipeline", "tests")}
    assert "pipeline.finished" in ours
    assert ours <= {"attattr", "pipeline.finished"}


def test_the_face_of_a_finished_run_imports_nothing_that_takes_seconds():
    run = "import sys, pipeline.finished; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "transformers", "pydantic", "pandas", "matplotlib"}.isdisjoint(done.stdout.split())


def test_the_report_declares_every_section():
    """One that it does not see would be missing from its table of values that differ from the preset."""
    assert {*Params.model_fields} - {"run"} <= {*GRAPH["report"]["params"]}
