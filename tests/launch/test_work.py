import os
import re
from pathlib import Path

import pytest
import yaml
from source_by_hand import edit_source, without_pins

from pipeline.launch import work
from pipeline.launch.work import dependencies, fingerprint, pipeline_run, unfinished, work_of
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import SOURCE, source_file
from pipeline.values.presets import compose_params


def config(*overrides, **changes):
    params = compose_params(["preset=mini", *overrides])
    given = {"stage": "attribute", "declared": frozenset({"attribute"}), "task": "negation", "seed": 1}
    return StageConfig(params, **{**given, **changes})


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """The folder of two inputs, a folder and a file, beside a source tree of their own."""
    monkeypatch.chdir(tmp_path)
    stage = {"deps": ["outputs/source/any.txt", "data", "weights"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"attribute": stage, "finetune": stage}}))
    monkeypatch.setattr(work, "SOURCE", tmp_path / "source")
    (tmp_path / "source" / "pipeline").mkdir(parents=True)
    for name in ("attribute", "finetune", "other"):
        (tmp_path / "source" / "pipeline" / f"{name}.py").write_text("x = 1  # one\n")
    without_pins(tmp_path / "source")
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a").write_text("abc")
    (tmp_path / "weights").write_text("w")
    (tmp_path / "behind").mkdir()
    (tmp_path / "behind" / "c").write_text("1")
    (tmp_path / "file").write_text("1")
    for link, target in {"far": "behind", "loop": "data", "nowhere": "gone", "d": "file"}.items():
        (tmp_path / "data" / link).symlink_to(tmp_path / target)
    return tmp_path


def test_the_folder_is_named_after_the_run_and_lies_outside_dvcs_outputs(inputs):
    folder = work_of(config()).folder
    assert re.fullmatch(r"\.work/attribute-negation-1/[0-9a-f]{16}", str(folder))


def test_the_same_work_has_the_same_folder_and_looking_makes_none(inputs):
    assert work_of(config()) == work_of(config())
    assert not (inputs / ".work").exists()


def test_another_value_run_or_stage_is_other_work(inputs):
    folders = {
        work_of(config(*overrides, **changes))
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
    first = work_of(config())
    assert work_of(config("trainer=ddp", "run.token_budget=77", "run.workers=2")) == first
    assert work_of(config("prune.random_orders=33")) == first


def test_work_is_deleted_once_it_is_done_and_not_before(inputs):
    folder = work_of(config()).folder
    folder.mkdir(parents=True)
    (folder / "part").touch()
    with pytest.raises(KeyError), unfinished(config()):
        raise KeyError("cut off")
    with unfinished(config()) as again:
        assert (again.folder / "part").is_file()
    assert again.folder == folder
    assert not folder.exists()
    with unfinished(config()):  # nothing is left behind to be deleted
        pass


def test_other_work_of_the_same_place_is_deleted_with_a_word_and_no_other(inputs, caplog):
    caplog.set_level("INFO")
    values = compose_params(["preset=mini"])
    given = {"stage": "attribute", "declared": frozenset({"attribute"}), "seed": 1}
    old = work_of(config("attribute.steps=7")).folder
    kept = [
        work_of(StageConfig(values, **given, task="inference")),
        work_of(StageConfig(values, **given, task="negation", output_root=Path("scratch/attribute/negation-1"))),
        work_of(config(stage="finetune")),
    ]
    for folder in (old, *(one.folder for one in kept)):
        folder.mkdir(parents=True)
    with unfinished(config()) as work:
        assert work.folder != old
        assert not old.exists()
        assert caplog.messages == [
            f"starting anew: unfinished work ({old}) is of other inputs, values or source, and is deleted"
        ]
    assert all(one.folder.is_dir() for one in kept)


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


def change_behind_a_linked_folder(folder):
    (folder / "behind" / "c").write_text("2")


def change_behind_a_linked_file(folder):
    (folder / "file").write_text("2")


def change_source(folder):
    edit_source(folder / "source/pipeline/attribute.py", "x = 2  # one\n")


@pytest.mark.parametrize(
    "change",
    [
        change_input,
        change_file,
        rename_input,
        add_input,
        move_the_border_between_name_and_content,
        change_behind_a_linked_folder,
        change_behind_a_linked_file,
        change_source,
    ],
)
def test_another_input_or_source_is_other_work(inputs, change):
    first = work_of(config())
    change(inputs)
    assert work_of(config()) != first


def test_a_comment_and_the_source_of_others_do_not_matter(inputs):
    first = work_of(config())
    edit_source(inputs / "source/pipeline/attribute.py", "# Not one.\nx = 1\n")
    (inputs / "source" / "pipeline" / "other.py").write_text("x = 2")
    assert work_of(config()) == first


def test_where_the_inputs_lie_and_when_they_were_written_does_not_matter(inputs):
    first = fingerprint(config(), inputs=[Path("data")])
    for path in (inputs / "data", inputs / "data/deep/a"):
        os.utime(path, (0, 0))
    assert fingerprint(config(), inputs=[Path("data")]) == first
    Path("data").rename("moved")
    Path("data").symlink_to("moved")  # for the link within that leads back
    assert fingerprint(config(), inputs=[Path("data")]) == first
    assert fingerprint(config(), inputs=[inputs / "moved"]) == first


@pytest.mark.parametrize("stage", ["finetune", "shortcut"])
def test_initial_weights_and_examples_are_among_what_training_depends_on(stage):
    declaration = read_declaration(stage, SOURCE / "dvc.yaml")
    params = compose_params(["preset=minilm", "tasks=[sst2]", "model.name='mine/{task}'"])
    of_run = StageConfig(params, stage=stage, declared=declaration.sections, task="sst2", seed=1)
    assert {Path("outputs/data/sst2-1"), Path("external/models/mine")} <= {*dependencies(of_run, declaration)}


def test_of_a_model_of_the_hub_the_commit_counts_and_a_folder_that_stands_in_for_it(inputs, monkeypatch):
    def now(*revision):
        given = ["preset=paper", "tasks=[sst2]", "model.name=a/b", *revision]
        return work_of(StageConfig(compose_params(given), stage="finetune", declared=declared, task="sst2", seed=1))

    declared = frozenset({"model"})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(inputs / "cache"))
    refs = inputs / "cache/models--a--b/refs"
    refs.mkdir(parents=True)
    seen = [now()]
    for ref, commit in (("main", "0" * 40), ("main", "1" * 40)):
        (refs / ref).write_text(commit)
        seen += [now()]
    seen += [now("model.revision=v2")]
    (refs / "v2").write_text("0" * 40)
    seen += [now("model.revision=v2")]
    Path("a/b").mkdir(parents=True)
    for weights in ("w", "v"):
        Path("a/b/weights").write_text(weights)
        seen += [now()]
    assert len({*seen}) == len(seen)
    assert now() == seen[-1]


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
