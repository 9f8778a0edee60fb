"""The library by itself: installed by pip into an environment of its own, without the pipeline and what that needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import BertTokenizer

ROOT = Path(__file__).resolve().parents[1]
# torch itself needs jinja2, and the hub's client pydantic.
NOT_THERE = ("dvc", "hydra-core", "wandb", "pytorch-lightning", "datasets", "pandas", "pyarrow", "scipy", "matplotlib")
LINES = """
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from attattr import explain
model, tokenizer = AutoModelForSequenceClassification.from_pretrained("model"), AutoTokenizer.from_pretrained("model")
found = explain(model, tokenizer, ["a good film", "it was not good"])
print(found.to_text(tau=0.2), file=open("all.txt", "w")); open("all.json", "w").write(found.to_json())
open("page.html", "w").write(found.to_html())
"""


def run(*command: object, folder: Path) -> str:
    """Without the project on the path, and without the environment of these tests."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_pip_installs_the_library_and_the_five_lines_run(tmp_path, tiny_model):
    tracked = run("git", "ls-files", "-z", "attattr", "pyproject.toml", "README.md", "LICENSE", "pipeline", folder=ROOT)
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / name).write_bytes((ROOT / name).read_bytes())
    python = tmp_path / "own" / "bin" / "python"
    run(sys.executable, "-m", "venv", "own", folder=tmp_path)
    # At the versions that the project is tested with.
    pins = tmp_path / "pins.txt"
    pins.write_text((ROOT / "requirements.model.lock").read_text())
    run(python, "-m", "pip", "install", "--quiet", "--constraint", pins, "./source", folder=tmp_path)
    installed = run(python, "-m", "pip", "list", "--format=freeze", folder=tmp_path).lower()
    assert "attattr==" in installed
    assert not [name for name in NOT_THERE if f"\n{name}==" in installed]

    tiny_model(labels=2).save_pretrained(tmp_path / "model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "film", "it", "was", "not"]
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(tmp_path / "model")
    run(python, "-c", LINES, folder=tmp_path)
    said = (tmp_path / "all.txt").read_text()
    assert said.count("Attribution tree at tau 0.2") == 2
    assert "a good film" in said
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert '"texts"' in (tmp_path / "all.json").read_text()
    where = run(python, "-c", "import attattr; print(attattr.__file__)", folder=tmp_path)
    assert str(tmp_path / "own") in where
    assert run(python, "-c", "import importlib.util as u; print(u.find_spec('pipeline'))", folder=tmp_path) == "None\n"
