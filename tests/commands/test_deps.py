from pathlib import Path

import pytest
import yaml

from pipeline.commands.deps import main

ROOT = Path(__file__).resolve().parents[2]
WHOLE = (ROOT / "dvc.yaml").read_text(encoding="utf-8")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """`written(text)`: what the command makes of a dvc.yaml."""
    monkeypatch.chdir(tmp_path)

    def run(text):
        Path("dvc.yaml").write_text(text, encoding="utf-8")
        main([])
        return Path("dvc.yaml").read_text(encoding="utf-8")

    return run


def test_a_graph_that_is_right_is_left_as_it_is(written):
    assert written(WHOLE) == WHOLE


@pytest.mark.parametrize("dep", ["      - pipeline/scoring/store.py\n", "      - pipeline/predicting\n"])
def test_a_missing_file_or_folder_comes_back_to_its_place(written, dep):
    assert WHOLE.count(dep) > 1
    assert written(WHOLE.replace(dep, "")) == WHOLE


def test_what_a_stage_does_not_run_goes(written):
    wider = WHOLE.replace("      - pipeline/truth.py\n", "      - pipeline/truth.py\n      - pipeline/gone.py\n")
    assert written(wider.replace("pipeline/experiments/truth\n", "pipeline/experiments\n")) == WHOLE


def test_deps_may_be_written_in_one_line(written):
    start, stop = WHOLE.index("    deps:\n      - pipeline/tree.py"), WHOLE.index("    outs:\n      - outputs/tree/")
    model = [f'"outputs/{kind}/${{item.task}}-${{item.seed}}"' for kind in ("data", "models", "attributions")]
    deps = f"    deps: [{', '.join(['requirements.model.lock', *model])}]\n"
    assert yaml.safe_load(written(WHOLE[:start] + deps + WHOLE[stop:])) == yaml.safe_load(WHOLE)
