"""A finished run of the preset mini, made small, and the notebooks executed on it."""

import ast
import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
import yaml
from test_pipeline import TINY

ROOT = Path(__file__).parents[2]
OVERRIDES = (
    *TINY,
    # Heads of which some matter more than others, and scores that are converged.
    "data.n_train=200",
    "data.n_dev=40",
    "model.layers=3",
    "model.heads=4",
    "model.hidden=32",
    "finetune.lr=0.005",
    "attribute.steps=auto",
    "triggers.hotflip_rounds=1",
)
UNREAD = ("source", "examples", "figures", "tables", "report")  # what no notebook reads


class Executed(NamedTuple):
    """What a notebook's names stand for after its last cell, what each cell printed, and the values that it showed."""

    names: dict[str, Any]
    printed: list[str]
    shown: list[Any]


def sources(name: str) -> list[str]:
    """The code cells of a notebook."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def run_stage(stage: str, params: Any, **matrix: Any) -> None:
    """As DVC runs it, but in this process, which has imported torch already."""
    from pipeline.values.config import StageConfig
    from pipeline.values.params import read_declaration

    declared = read_declaration(stage)
    place = {key: value for key, value in matrix.items() if key in declared.matrix}
    config = StageConfig(params, stage=stage, declared=declared.sections, **place)
    importlib.import_module(f"pipeline.{stage}").main(config)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory: every experiment on `negation`, and a second model, of `inference`, that is newer."""
    from pipeline.values.params import dump_params, read_params
    from pipeline.values.presets import compose_params

    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "params.yaml").write_text(dump_params(compose_params(list(OVERRIDES)), header="A test's."))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "disabled")
        params = read_params()
        stages = [stage for stage in yaml.safe_load(Path("dvc.yaml").read_text())["stages"] if stage not in UNREAD]
        for stage in stages:
            run_stage(stage, params, task="negation", seed=1)
        for stage in ("prepare", "finetune"):
            run_stage(stage, params, task="inference", seed=1)
        yield folder


@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], Executed]:
    """`execute(name, folder)`: run a notebook in this process, in a folder that holds a dvc.yaml."""

    def run(name: str, folder: Path) -> Executed:
        monkeypatch.chdir(folder)
        # What it leaves behind stays there: temporary files, and the code of a model, which is copied to be imported.
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder / "modules"))
        done = Executed({"__name__": "notebook"}, [], [])
        for source in sources(name):
            out = StringIO()
            with redirect_stdout(out):
                done.shown.append(last_value(source, done.names))
            done.printed.append(out.getvalue())
        return done

    return run


def last_value(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line if that is an expression, which a notebook shows."""
    tree = ast.parse(os.linesep.join(line for line in source.splitlines() if not line.startswith("%")))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
