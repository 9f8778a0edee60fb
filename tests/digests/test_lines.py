"""The lines of a stage on a project of a few files: what changes them, and what does not."""

import re
from pathlib import Path

import pytest

from pipeline.digests.pins import pins
from pipeline.digests.stage import all_lines, beside
from pipeline.errors import InputError

PROJECT = {
    "dvc.yaml": """
stages:
  source: {cmd: x}
  first: {params: [first, conf/tasks.yaml: null]}
  second: {params: [second]}
""",
    "requirements.model.lock": "numpy==2.0\ntokenizers==0.1\ntorch==1.0\n",
    "requirements.lock": "-r requirements.model.lock\npandas==3.0\npyyaml==6.0\ntqdm==4\n",
    "conf/tasks.yaml": "one: 1\n",
    "conf/base.yaml": "first: {size: 3}\n",
    "attattr/__init__.py": """
from importlib import import_module
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from attattr.engine import run
    from attattr.other import walk
def __getattr__(name):
    return getattr(import_module(f"{__name__}.engine"), name)
""",
    "attattr/engine.py": '''"""Runs."""
import numpy
def run():
    """Run."""
    return numpy.ones(3)  # three
''',
    "attattr/other.py": "import torch\n\ndef walk():\n    return 1\n",
    "pipeline/__init__.py": '"""Rooms."""\n',
    "pipeline/source.py": "",
    "pipeline/first.py": """
from attattr import run
from pipeline.launch.cli import run_stage
from pipeline.room.work import work
def main(config):
    from pipeline.values.config import Config
    run(); work(config)
run_stage("first", main)
""",
    "pipeline/second.py": """
from typing import TYPE_CHECKING
from pipeline.room import shared
from pipeline.values.config import Config
from pipeline.values.paths import PRESETS
if TYPE_CHECKING:
    from pipeline.values.schema import Trainer
def main(config):
    from importlib import import_module
    for name in ("a", "b"):
        import_module(f"pipeline.room.parts.{name}").do()
    shared.known(PRESETS / "tasks.yaml")
""",
    "pipeline/launch/__init__.py": "",
    "pipeline/launch/cli.py": "from pipeline.values.schema import Params\ndef run_stage(): pass\n",
    "pipeline/terminal/progress.py": "def bar(things, text): return things\n",
    "pipeline/room/__init__.py": "ROOM = 1\n",
    "pipeline/room/work.py": """
import logging
from pathlib import Path
from pipeline.terminal.progress import bar
log = logging.getLogger()
PAGE = Path(__file__).parent / "page"
def work(config):
    log.info("there are %d", 3)
    for thing in bar(range(3), "things"):
        pass
    return Path(__file__).with_name("rules.yaml").read_text()
""",
    "pipeline/room/rules.yaml": "# a comment\nrule: 1\n",
    "pipeline/room/page/page.css": "body { color: red }",
    "pipeline/room/shared.py": "import pandas\ndef known(file): return 1\n",
    "pipeline/room/unused.py": "x = 1\n",
    "pipeline/room/parts/a.py": "def do(): return 1\n",
    "pipeline/room/parts/b.py": "def do(): return 2\n",
    "pipeline/values/config.py": """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from pipeline.values.schema import Params
    from pipeline.values.table import Task, read_table
class Config:
    def __init__(self, params: "Params"):
        self.params = params
""",
    "pipeline/values/table.py": """
import re
from pipeline.values.fields import Name, base
class Task:
    name: Name
    def label_ids(self):
        return ordered([0, 1])
def ordered(ids):
    return ids
def read_table():
    return {}
def other():
    return 3
""",
    "pipeline/values/fields.py": "Name = str\nbase = object\nUnused = int\n",
    "pipeline/values/paths.py": 'from pathlib import Path\nPRESETS = Path(__file__).resolve().parents[2] / "conf"\n',
    "pipeline/values/schema.py": """
class First:
    size: int
class Second:
    size: float
class Trainer:
    devices: int
class Run:
    trainer: Trainer
class Params:
    first: First
    second: Second
    run: Run
""",
}


@pytest.fixture
def lines_of(tmp_path):
    """`lines_of(file, old, new)`: the lines of all stages of the project with one text in one file exchanged."""
    count = 0

    def lines_of(file=None, old="", new=""):
        nonlocal count
        count += 1
        root = tmp_path / str(count)
        for name, text in {**PROJECT, **({file: PROJECT.get(file, "")} if file else {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == file:
                assert old in text
                text = text.replace(old, new, 1) if old else text + new
            path.write_text(text)
        return all_lines(root)

    return lines_of


def changed(one, other):
    return {stage for stage in one if one[stage] != other[stage]}


def test_every_stage_but_the_first_one_has_lines_of_files_definitions_and_pins(lines_of):
    lines = lines_of()
    assert {*lines} == {"first", "second"}
    names = {stage: [re.split(r" |==", line)[0] for line in found] for stage, found in lines.items()}
    assert names["first"] == [
        "attattr/__init__.py",
        "attattr/engine.py",
        "pipeline/first.py",
        "pipeline/room/__init__.py",
        "pipeline/room/page/page.css",
        "pipeline/room/rules.yaml",
        "pipeline/room/work.py",
        "pipeline/values/config.py",
        "pipeline/values/fields.py:Name",
        "pipeline/values/schema.py:First",
        "pipeline/values/table.py:Task",
        "pipeline/values/table.py:ordered",
        "numpy",
    ]
    assert names["second"] == [
        "conf/tasks.yaml",
        "pipeline/room/__init__.py",
        "pipeline/room/parts/a.py",
        "pipeline/room/parts/b.py",
        "pipeline/room/shared.py",
        "pipeline/second.py",
        "pipeline/values/config.py",
        "pipeline/values/fields.py:Name",
        "pipeline/values/paths.py",
        "pipeline/values/schema.py:Second",
        "pipeline/values/table.py:Task",
        "pipeline/values/table.py:ordered",
        "numpy",
        "pandas",
    ]


BOTH = {"first", "second"}


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        # What runs.
        ("attattr/engine.py", "ones(3)", "ones(4)", {"first"}),
        ("attattr/__init__.py", "engine", "other", {"first"}),
        ("pipeline/room/__init__.py", "ROOM = 1", "ROOM = 2", BOTH),
        ("pipeline/room/parts/b.py", "2", "3", {"second"}),
        ("pipeline/room/shared.py", "return 1", "return None", {"second"}),
        ("pipeline/room/work.py", "range(3)", "range(4)", {"first"}),
        ("pipeline/room/work.py", '%d", 3', '%d", config.pop()', {"first"}),
        ("pipeline/values/config.py", "= params", "= None", BOTH),
        # A further file, found by the pattern or in the folder.
        ("pipeline/room/parts/c.py", "", "x = 1", {"second"}),
        ("pipeline/room/page/page.js", "", "1", {"first"}),
        # Classes of what a stage is handed, and what they use.
        ("pipeline/values/table.py", "[0, 1]", "[1, 0]", BOTH),
        ("pipeline/values/table.py", "return ids", "return ids[::-1]", BOTH),
        ("pipeline/values/fields.py", "Name = str", "Name = bytes", BOTH),
        ("pipeline/values/schema.py", "size: int", "size: str", {"first"}),
        ("pipeline/values/schema.py", "size: float", "size: str", {"second"}),
        # Files that are read, and versions.
        ("pipeline/room/rules.yaml", "rule: 1", "rule: 2", {"first"}),
        ("pipeline/room/page/page.css", "red", "blue", {"first"}),
        ("conf/tasks.yaml", "one: 1", "one: 2", {"second"}),
        ("requirements.model.lock", "2.0", "2.1", BOTH),
        ("requirements.lock", "pandas==3.0", "pandas==3.1", {"second"}),
        # What is said, but not run.
        ("attattr/engine.py", '"""Run."""', '"""Run on."""', set()),
        ("attattr/engine.py", "# three", "# and more", set()),
        ("attattr/engine.py", "ones(3)", "ones(\n        3\n    )", set()),
        ("pipeline/__init__.py", "Rooms", "All rooms", set()),
        ("pipeline/room/work.py", '"things"', '"many things"', set()),
        ("pipeline/room/work.py", '"things"', 'f"{3} things"', set()),
        ("pipeline/room/work.py", "there are", "there were", set()),
        ("pipeline/room/rules.yaml", "a comment", "another", set()),
        # What no stage runs, or none of these.
        ("attattr/other.py", "return 1", "return 2", set()),
        ("pipeline/room/unused.py", "1", "2", set()),
        ("pipeline/terminal/progress.py", "return things", "return [*things]", set()),
        ("pipeline/launch/cli.py", "pass", "return 1", set()),
        ("pipeline/values/table.py", "return 3", "return 4", set()),
        ("pipeline/values/table.py", "return {}", "return {1: 2}", set()),
        ("pipeline/values/fields.py", "Unused = int", "Unused = str", set()),
        ("pipeline/values/schema.py", "devices: int", "devices: str", set()),
        ("conf/base.yaml", "3", "4", set()),
        ("requirements.lock", "tqdm==4", "tqdm==5", set()),
        ("requirements.model.lock", "torch==1.0", "torch==1.1", set()),
    ],
)
def test_an_edit_changes_the_lines_of_the_stages_that_run_it(lines_of, file, old, new, stale):
    assert changed(lines_of(), lines_of(file, old, new)) == stale


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = None", "x = False"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("def f(a, *, b=None): pass", "def f(a, b=None): pass"),
        ("x = {**y, 1: 2}", "x = {1: 2, **y}"),
        ("x = a - b", "x = b - a"),
        ("x = a[1:]", "x = a[:1]"),
        ("x = 'a'; y = 'b'", "x = 'b'; y = 'a'"),
        ("if a: pass\nb()", "if a: b()"),
        ("def f(): return\ndef g(): pass", "def f(): pass\ndef g(): return"),
        ("x = [a, [b]]", "x = [[a], b]"),
        ("f('text')", "f('other text')"),
        ("f'{a!r}'", "f'{a!s}'"),
        ("async def f(): pass", "def f(): pass"),
        ("import json as b", "import json as c"),
    ],
)
def test_two_programs_that_differ_have_different_lines(lines_of, one, other):
    first, second = (lines_of("pipeline/room/shared.py", "", f"\n{text}\n") for text in (one, other))
    assert changed(first, second) == {"second"}


def test_what_moves_to_where_nobody_reads_it_is_a_change(lines_of):
    assert changed(lines_of(), lines_of("pipeline/first.py", "from pipeline.room.work import work", "")) == {"first"}


def test_the_folder_of_the_project_does_not_matter(lines_of):
    assert lines_of() == lines_of()


def test_relative_imports_are_refused_as_they_would_be_missed(lines_of):
    with pytest.raises(InputError, match=r"shared\.py imports relatively"):
        lines_of("pipeline/room/shared.py", "import pandas", "from . import unused")


def test_source_that_is_no_python_is_named_with_its_line(lines_of):
    with pytest.raises(InputError, match=r"shared\.py, line 2, is no valid Python"):
        lines_of("pipeline/room/shared.py", "def known(file): return 1", "def known(file: return 1")


def test_a_package_without_a_pin_is_refused(lines_of):
    with pytest.raises(InputError, match=r"scipy is imported, but requirements\.lock has no version of scipy"):
        lines_of("pipeline/room/shared.py", "import pandas", "import scipy.stats")


def test_what_a_package_computes_with_counts_by_its_own_requirements():
    root = Path(__file__).parents[2]
    found = {line.partition("==")[0] for line in pins(["transformers", "json"], root)}
    assert {"transformers", "tokenizers", "safetensors", "numpy"} <= found
    assert "torch" not in found  # which transformers works without
    assert "tqdm" not in found  # required, but computes nothing


def test_a_name_that_is_known_when_it_runs_stands_for_its_folder(tmp_path):
    module = tmp_path / "rules.py"
    for name in ("a.yaml", "b.yaml", "c.py"):
        (tmp_path / name).touch()
    for text, read in (
        ('Path(__file__).with_name("a.yaml")', ["a.yaml"]),
        ('Path(__file__).with_name(f"{x}.yaml")', ["a.yaml", "b.yaml"]),
    ):
        module.with_name(f"{len(read)}.py").write_text(f"from pathlib import Path\ndef f(x): return {text}\n")
        assert [path.name for path in beside(module.with_name(f"{len(read)}.py"), tmp_path)] == read
