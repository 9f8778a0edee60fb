import itertools
import re

import pytest

from pipeline.data.weights import model_name
from pipeline.errors import InputError
from pipeline.values.config import StageConfig
from pipeline.values.params import preset_names, read_declaration, read_params
from pipeline.values.paths import PRESETS, SOURCE
from pipeline.values.presets import compose_params, overrides
from pipeline.values.schema import Params

TRAINERS = sorted(path.stem for path in (PRESETS / "trainer").glob("*.yaml"))


@pytest.mark.parametrize(("preset", "trainer"), list(itertools.product(preset_names(), TRAINERS)))
def test_every_preset_composes_and_is_valid_with_every_trainer(preset: str, trainer: str) -> None:
    params = compose_params([f"preset={preset}", f"trainer={trainer}"])
    assert params.preset == preset
    expected = {
        "cpu": ("cpu", 1, "auto"),
        "gpu": ("gpu", 1, "auto"),
        "ddp": ("auto", 2, "ddp_spawn"),
        "torchrun": ("auto", 1, "torchrun"),
        "slurm": ("auto", 1, "slurm"),
    }[trainer]
    assert tuple(params.run.trainer.model_dump().values()) == expected


def test_the_paper_preset_holds_the_papers_settings() -> None:
    params = compose_params(["preset=paper"])
    assert (params.model.source, params.model.name) == ("hub", "google-bert/bert-base-cased")
    assert (params.data.source, params.data.name) == ("hub", "nyu-mll/glue")
    # Pinned to commits: what stands behind a name may change.
    assert re.fullmatch("[0-9a-f]{40}", str(params.model.revision))
    assert re.fullmatch("[0-9a-f]{40}", str(params.data.revision))
    assert params.prepare.max_length == 128
    finetune = params.finetune
    assert (finetune.batch_size, finetune.lr, finetune.epochs, finetune.warmup) == (32, 5e-5, 3, 0.1)
    assert (finetune.weight_decay, finetune.clip) == (0.01, 1.0)
    assert (params.attribute.steps, params.attribute.rule, params.prepare.n_importance) == (20, "right", 200)
    assert params.run.trainer.accelerator == "gpu"


@pytest.mark.parametrize(
    ("given", "data", "model"),
    [
        (["model.name=a/b"], True, None),
        (["data.name=a/b", "model.revision=main"], None, "main"),
        (["model.name=a/b", "model.revision=v2"], True, "v2"),
        (["model.source=folder", "model.name=mine"], True, None),
    ],
)
def test_a_presets_commit_is_not_asked_of_another_repository(given: list[str], data: object, model: object) -> None:
    own = compose_params(["preset=paper"]).data.revision
    params = compose_params(["preset=paper", *given])
    assert (params.data.revision, params.model.revision) == (own if data else None, model)


@pytest.mark.parametrize(
    ("given", "epochs"),
    [
        ([], {"default": 3, "rte": 10, "mrpc": 5}),
        (["finetune.epochs=0"], 0),
        (["finetune.epochs={default: 2}"], {"default": 2}),
        (["finetune.epochs={default: 2, sst2: 1}"], {"default": 2, "sst2": 1}),
        (["finetune={epochs: {default: 2}, lr: 1e-4}"], {"default": 2}),
        (["finetune.epochs.rte=4"], {"default": 3, "rte": 4, "mrpc": 5}),
        (["+finetune.epochs.sst2=1"], {"default": 3, "rte": 10, "mrpc": 5, "sst2": 1}),
        (["~finetune.epochs.rte"], {"default": 3, "mrpc": 5}),
        (["finetune.epochs={rte: 4}", "tasks=[rte]"], {"rte": 4}),
    ],
)
def test_what_is_given_wins_over_the_presets_table(given: list[str], epochs: object) -> None:
    assert compose_params(["preset=minilm", *given]).finetune.epochs == epochs


def test_a_table_takes_the_place_of_a_number_and_can_be_emptied() -> None:
    given = ["preset=paper", "finetune.epochs={default: 2, rte: 4}", "attribute.mine_min_tokens={}"]
    params = compose_params(given)
    assert (params.finetune.epochs, params.attribute.mine_min_tokens) == ({"default": 2, "rte": 4}, {})
    assert compose_params(["attribute.mine_min_tokens=0"]).attribute.mine_min_tokens == 0


def test_a_preset_as_it_is_has_no_overrides() -> None:
    for preset in preset_names():
        assert overrides(compose_params([f"preset={preset}"]).model_dump(mode="json")) == []


def test_overrides_name_what_differs_and_pass_over_run() -> None:
    given = ["preset=minilm", "tasks=[rte]", "seeds=[4]", "finetune.lr=1e-4", "model.name=bert", "run.workers=2"]
    found = overrides(compose_params([*given, "+attribute.mine_min_tokens.rte=9"]).model_dump(mode="json"))
    assert found == [
        ("tasks", ["mnli", "rte", "sst2", "mrpc"], ["rte"]),
        ("seeds", [1, 2, 3, 4, 5], [4]),
        ("model.dep", "external/models/minilm-l6-h384", "external/models/bert"),
        ("model.name", "minilm-l6-h384", "bert"),
        ("finetune.lr", 5e-5, 1e-4),
        ("attribute.mine_min_tokens", {"sst2": 15}, {"sst2": 15, "rte": 9}),
    ]


def test_overrides_compare_only_the_sections_at_hand() -> None:
    params = compose_params(["finetune.lr=0.1", "prune.n_eval=3"]).model_dump(mode="json")
    assert overrides({"preset": "mini", "prune": params["prune"]}) == [("prune.n_eval", 100, 3)]


def test_the_values_in_the_repository_are_valid() -> None:
    assert read_params(PRESETS.parent / "params.yaml").preset in preset_names()


@pytest.mark.parametrize("section", [name for name in Params.model_fields if name not in ("preset", "run")])
def test_a_value_changed_in_any_section_that_the_report_declares_is_listed(section: str) -> None:
    declared = read_declaration("report", SOURCE / "dvc.yaml").sections
    seen = StageConfig(compose_params(["preset=mini"]), stage="report", declared=declared).values()
    if isinstance(seen[section], dict):
        key, old = next(iter(seen[section].items()))
        changed, listed = seen | {section: seen[section] | {key: "another"}}, (f"{section}.{key}", old, "another")
    else:
        changed, listed = seen | {section: "another"}, (section, seen[section], "another")
    assert overrides(changed) == [listed]


def test_a_task_starts_from_another_tasks_model():
    given = ["preset=minilm", "model.name={default: minilm-l6-h384, rte: 'mnli-{seed}'}"]
    model = compose_params(given).model
    assert (model.dep, model_name(model, "rte", 11), model_name(model, "sst2", 11)) == (
        "external/models",
        "mnli-11",
        "minilm-l6-h384",
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["preset=minilm", "model.name={rte: x}"], "must hold mnli or default"),
        (["preset=minilm", "model.name={}"], "must hold mnli or default"),
        (["preset=minilm", "model.name={default: x, cola: y}"], "model.name holds cola"),
        (["preset=minilm", "model.name={default: ../x}"], "a folder below external/models"),
        (["preset=minilm", "model.name={default: 3}"], "must be a name, or a table"),
        (["preset=paper", "model.name={default: x}"], "must be one name where model.source is hub"),
    ],
)
def test_a_table_of_initial_weights_that_cannot_be_is_refused(overrides, message):
    with pytest.raises(InputError, match=message):
        compose_params(overrides)
