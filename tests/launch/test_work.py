import re
from pathlib import Path

import pytest
from source_by_hand import edit_source, without_pins

from pipeline.launch import work
from pipeline.launch.work import pipeline_run, unfinished, work_folder
from pipeline.values.config import StageConfig
from pipeline.values.paths import source_file
from pipeline.values.presets import compose_params


def config(*overrides, **changes):
    params = compose_params(["preset=mini", *overrides])
    given = {"stage": "attribute", "declared": frozenset({"attribute"}), "task": "negation", "seed": 1}
    return StageConfig(params, **{**given, **changes})


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Two inputs, a folder and a file, beside a source tree of their own."""
    monkeypatch.setattr(work, "SOURCE", tmp_path / "source")
    (tmp_path / "source" / "pipeline").mkdir(parents=True)
    for name in ("attribute", "finetune", "other"):
        (tmp_path / "source" / "pipeline" / f"{name}.py").write_text("x = 1  # one\n")
    without_pins(tmp_path / "source")
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a").write_text("abc")
    (tmp_path / "weights").write_text("w")
    return [tmp_path / "data", tmp_path / "weights"]


def test_the_folder_is_named_after_the_run_and_lies_outside_dvcs_outputs(inputs):
    folder = work_folder(config(), inputs=inputs)
    assert re.fullmatch(r"\.work/attribute-negation-1-[0-9a-f]{16}", str(folder))


def test_the_same_work_has_the_same_folder_and_looking_makes_none(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert work_folder(config(), inputs=inputs) == work_folder(config(), inputs=inputs)
    assert not (tmp_path / ".work").exists()


def test_another_value_run_or_stage_is_other_work(inputs):
    folders = {
        work_folder(config(*overrides, **changes), inputs=inputs)
        for overrides, changes in (
            ((), {}),
            (("attribute.steps=7",), {}),
            ((), {"task": "inference"}),
            ((), {"seed": None}),
            ((), {"stage": "finetune"}),
        )
    }
    assert len(folders) == 5


def test_what_cannot_change_a_result_or_is_not_declared_does_not_matter(inputs):
    first = work_folder(config(), inputs=inputs)
    assert work_folder(config("trainer=ddp", "run.token_budget=77", "run.workers=2"), inputs=inputs) == first
    assert work_folder(config("prune.random_orders=33"), inputs=inputs) == first


def test_work_is_deleted_once_it_is_done_and_not_before(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = work_folder(config(), inputs=inputs)
    folder.mkdir(parents=True)
    (folder / "part").touch()
    with pytest.raises(KeyError), unfinished(config(), inputs=inputs):
        raise KeyError("cut off")
    with unfinished(config(), inputs=inputs) as again:
        assert (again / "part").is_file()
    assert again == folder
    assert not folder.exists()
    with unfinished(config(), inputs=inputs):  # nothing is left behind to be deleted
        pass


def change_input(folder):
    (folder / "data" / "deep" / "a").write_text("abd")


def change_file(folder):
    (folder / "weights").write_text("v")


def rename_input(folder):
    (folder / "data" / "deep" / "a").rename(folder / "data" / "deep" / "b")


def add_input(folder):
    (folder / "data" / "b").write_text("")


def move_the_border_between_name_and_content(folder):
    (folder / "data" / "deep" / "a").unlink()
    (folder / "data" / "deep" / "aa").write_text("bc")


def change_source(folder):
    edit_source(folder / "source/pipeline/attribute.py", "x = 2  # one\n")


@pytest.mark.parametrize(
    "change",
    [change_input, change_file, rename_input, add_input, move_the_border_between_name_and_content, change_source],
)
def test_another_input_or_source_is_other_work(inputs, tmp_path, change):
    first = work_folder(config(), inputs=inputs)
    change(tmp_path)
    assert work_folder(config(), inputs=inputs) != first


def test_a_comment_and_the_source_of_others_do_not_matter(inputs, tmp_path):
    first = work_folder(config(), inputs=inputs)
    edit_source(tmp_path / "source/pipeline/attribute.py", "# Not one.\nx = 1\n")
    (tmp_path / "source" / "pipeline" / "other.py").write_text("x = 2")
    assert work_folder(config(), inputs=inputs) == first


def test_where_the_inputs_lie_does_not_matter(inputs, tmp_path):
    first = work_folder(config(), inputs=inputs)
    (tmp_path / "data").rename(tmp_path / "moved")
    assert work_folder(config(), inputs=[tmp_path / "moved", inputs[1]]) == first


def test_a_pipeline_run_is_named_by_what_can_change_its_results(tmp_path, monkeypatch):
    def name(*overrides, **changes):
        return pipeline_run(config(*overrides, **changes))

    monkeypatch.chdir(tmp_path)
    lines = source_file(Path(), "prune")
    lines.parent.mkdir(parents=True)
    lines.write_text("pipeline/prune.py 0123\n")
    one = name()
    assert re.fullmatch(r"mini-[0-9a-f]{8}", one)
    # Of every stage and model, however it is run.
    assert one == name(stage="analyse", declared=frozenset(), task=None, seed=None)
    assert one == name("run.token_budget=7", "run.tracking.project=other")
    # Values of other stages count, and so does the source.
    assert one != name("prune.random_orders=21")
    lines.write_text("pipeline/prune.py 0124\n")
    assert one != name()
