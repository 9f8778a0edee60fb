"""What tests of several folders share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

GRAPH = """\
stages:
  prepare:
    cmd: python -m pipeline.prepare task=${item.task}
    matrix: {task: "${tasks}"}
    params: [data, prepare]
  prune:
    cmd: python -m pipeline.prune task=${item.task} seed=${item.seed}
    matrix: {task: "${tasks}", seed: "${seeds}"}
    params: [preset, prune]
  report:
    cmd: python -m pipeline.reporting
    params: [preset, tasks, seeds, data, prune, report]
"""


@pytest.fixture(scope="session")
def mini_params() -> str:
    """The text of the default preset's params.yaml."""
    # Imported here: most tests need no Hydra.
    from pipeline.run.config import dump_params
    from pipeline.run.presets import compose_params

    return dump_params(compose_params(["experiment=mini"]), header="A test's.")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mini_params: str) -> Iterator[Path]:
    """A repository of its own: the working directory, with a dvc.yaml of three stages and the mini params.yaml."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / "params.yaml").write_text(mini_params)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ATTATTR_DATA", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    levels = {name: logging.getLogger(name).level for name in (None, "hydra", "hydra_plugins")}
    yield folder
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
