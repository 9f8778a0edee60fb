import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import BaseModel

from attattr import quadrature
from pipeline.data import planted
from pipeline.errors import InputError
from pipeline.values.fields import MOST_STEPS, Count, Section
from pipeline.values.inputs import data_dep, model_dep
from pipeline.values.params import load_params
from pipeline.values.per_task import for_task
from pipeline.values.presets import compose_params
from pipeline.values.schema import Params
from pipeline.values.task_table import Task, read_task_table

PRESETS = {name: compose_params([f"preset={name}"]).model_dump(mode="json") for name in ("mini", "minilm", "paper")}


def changed(preset: str, key: str, value: object) -> dict[str, Any]:
    values = copy.deepcopy(PRESETS[preset])
    *sections, last = key.split(".")
    section = values
    for name in sections:
        section = section[name]
    section[last] = value
    return values


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        load_params(values)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "attribute.rule",
            "right",
            "attribute.rule is right, but must be clenshaw_curtis where attribute.steps",
        ),
        ("attribute.steps", 0, "attribute.steps is 0, but must be auto or an integer of at least 1"),
        ("attribute.steps", "3", 'attribute.steps is "3", but must be auto or an integer of at least 1'),
        ("attribute.steps", True, "attribute.steps is true, but must be auto or an integer of at least 1"),
        ("attribute.steps", 2.5, "attribute.steps is 2.5, but must be auto or an integer of at least 1"),
        ("attribute.steps", None, "attribute.steps is null, but must be auto or an integer of at least 1"),
        ("attribute.steps", [2], "attribute.steps is [2], but must be auto or an integer of at least 1"),
        ("attribute.rule", "simpson", "one of left, right, midpoint, trapezoid, gauss_legendre, clenshaw_curtis"),
        ("attribute.steps", 10_001, "must be auto or an integer of at least 1 and at most 10000"),
        ("attribute.tolerance", 0, "attribute.tolerance is 0, but must be above 0"),
        ("attribute.tolerance", 1.0, "attribute.tolerance is 1.0, but must be below 1"),
        ("attribute.max_steps", 3, "attribute.max_steps is 3, but must be at least 4"),
        ("attribute.mine_min_tokens", {"cola": 3}, "attribute.mine_min_tokens holds cola, but conf/tasks.yaml has neg"),
        ("planted_paths.epochs", {"sst2": 1}, 'planted_paths.epochs is {"sst2": 1}, but must be an integer'),
        ("planted_paths.epochs", 0, "planted_paths.epochs is 0, but must be at least 1"),
        ("attribute.mine_min_tokens", {"sst2": -1}, "or a table of such by task, with default for the others"),
        ("attribute.mine_min_tokens", None, "attribute.mine_min_tokens is null, but must be an integer of at least 0"),
        (
            "triggers.n_select",
            469,
            "triggers.hotflip_batch 32, but together they must be at most prepare.n_heldout, 500",
        ),
        ("tasks", ["cola"], "tasks holds cola, but conf/tasks.yaml has negation, inference, mnli, rte, sst2, mrpc"),
        ("tasks", ["negation", "negation"], "must be a list without repeats"),
        ("tasks", [], "tasks is [], but must be a list with at least one entry"),
        ("tasks", "negation", 'tasks is "negation", but must be a list'),
        ("tasks", ["sst2"], "tasks holds sst2, but data.source is planted, which has negation, inference"),
        ("seeds", [1, -1], "seeds[1] is -1, but must be at least 0"),
        ("preset", "huge", 'preset is "huge", but must be one of mini, mini_full, minilm, paper, study'),
        ("data.source", "folder", "data.n_train is 6000, but must be null where data.source is folder"),
        ("data.n_train", 580, "data.n_train is 580, but must exceed the 580 examples that prepare carves out"),
        ("data.dep", "elsewhere", "data.dep is elsewhere, but must be outputs/source/nothing_outside.txt"),
        ("model.heads", 5, "model.heads is 5, but must divide model.hidden, 64"),
        ("model.layers", None, "model.layers is null, but must be set where model.source is scratch"),
        ("model.name", "bert", "model.name is bert, but must be null where model.source is scratch"),
        ("model.dropout", 1.0, "model.dropout is 1.0, but must be below 1"),
        ("prepare.protocol", "other", "one of heldout, authors"),
        ("prepare.max_unknown", 1.5, "at most 1"),
        ("prepare.max_unknown", -0.1, "at least 0"),
        ("prepare.max_unknown", "5%", "a number"),
        ("finetune.lr", 0, "finetune.lr is 0, but must be above 0"),
        ("finetune.lr", float("nan"), "finetune.lr is NaN, but must be a finite number"),
        ("finetune.warmup", 1.2, "finetune.warmup is 1.2, but must be at most 1"),
        ("finetune.epochs", -1, "finetune.epochs is -1, but must be an integer of at least 0, or a table of such"),
        ("finetune.epochs", 1.0, "finetune.epochs is 1.0, but must be an integer of at least 0, or a table of such"),
        ("finetune.epochs", True, "finetune.epochs is true, but must be an integer of at least 0, or a table of such"),
        ("finetune.epochs", {"default": 1.5}, 'finetune.epochs is {"default": 1.5}, but must be an integer'),
        ("finetune.epochs", {}, "finetune.epochs is {}, but must hold negation or default"),
        ("finetune.epochs", {"negation": 2}, "but must hold inference or default"),
        ("effectiveness.methods", ["attention"], 'effectiveness.methods[0] is "attention", but must be one of'),
        ("prune.rates", [0, 1.2], "prune.rates[1] is 1.2, but must be at most 1"),
        ("prune.rates", [0, 0.5, 0.4, 1], "must be a list that rises from 0 to 1"),
        ("prune.rates", [0.1, 1], "must be a list that rises from 0 to 1"),
        ("prune.rates", [0, 0.9], "must be a list that rises from 0 to 1"),
        ("shortcut.rates", [0.1, 0.2], "must be a list that rises from 0"),
        ("shortcut.rates", [0, 0.3, 0.2], "must be a list that rises from 0"),
        ("prune.methods", ["taylorr"], 'prune.methods[0] is "taylorr", but must be one of attribution, taylor,'),
        ("prune.random_orders", 19, "prune.random_orders is 19, but must be at least 20"),
        ("prune.rounding", "up", 'prune.rounding is "up", but must be one of half_up, down'),
        ("prune.factors", ["max"], 'prune.factors[0] is "max", but must be one of sum, positive,'),
        ("prune", PRESETS["mini"]["prune"] | {"methods": ["taylor"], "factors": ["sum"]}, "prune.factors change"),
        ("analyse.best_triggers", 0, "must be at least 1"),
        ("prune", 3, "prune is 3, but must be a section"),
        ("convergence.rules", ["simpson"], 'convergence.rules[0] is "simpson", but must be one of left, right,'),
        ("convergence.steps", [2, 0], "convergence.steps[1] is 0, but must be at least 1"),
        ("convergence.steps", ["auto"], 'convergence.steps[0] is "auto", but must be an integer'),
        ("convergence.steps", [2, 2], "must be a list without repeats"),
        ("convergence.reference_steps", 3, "convergence.reference_steps is 3, but must be at least 4"),
        ("report.title", "", 'report.title is "", but must be text that is not empty'),
        ("run.trainer.devices", 2, "run.trainer.strategy is auto, but must be ddp_spawn with 2 devices"),
        ("run.token_budget", 0, "run.token_budget is 0, but must be auto or an integer of at least 1"),
        ("run.token_budget", "all", 'run.token_budget is "all", but must be auto or an integer of at least 1'),
        ("run.log_level", "info", "one of DEBUG, INFO, WARNING, ERROR"),
        ("prune.random_order", 20, "prune.random_order is not a known key; did you mean prune.random_orders?"),
        ("seeds", [2**32], "seeds[0] is 4294967296, but must be at most 4294967295"),
        ("seeds", ["1; touch x"], 'seeds[0] is "1; touch x", but must be an integer'),
        ("seeds", [*range(1001)], "but must be a list with at most 1000 entries"),
        ("run.workers", 99_999, "run.workers is 99999, but must be at most 1024"),
        ("finetune.epochs", {"default": 10**9}, "with default for the others; each at most 100000"),
        ("finetune.lr", 10**400, "finetune.lr is 1000"),
        ("report.title", "a\nb", 'report.title is "a\\nb", but must be text of one line'),
        ("report.title", "a" * 256, "but must be text of at most 255 characters"),
        ("run.tracking.project", "../x", "but must be a name without any of / \\ # ? % :"),
        ("zebra", {"tau": 0.4}, "zebra is not a known key; known here: preset, tasks, seeds, data,"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(key: str, value: object, line: str) -> None:
    said = refusal(changed("mini", key, value))
    assert line in said
    assert key.split(".")[-1] in said


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("tasks", ["negation"], "tasks holds negation, but data.source is folder, which has mnli, rte, sst2, mrpc"),
        ("model.name", None, "model.name is null, but must be set where model.source is folder"),
        ("model.name", "../a", "model.name is ../a, but must be a folder below external/models"),
        ("model.name", "/a", "model.name is /a, but must be a folder below external/models"),
        ("model.hidden", 64, "model.hidden is 64, but must be null where model.source is folder"),
        ("model.revision", "main", "model.revision is main, but must be null where model.source is folder"),
        ("model.name", "other", "model.dep is external/models/minilm-l6-h384, but must be external/models/other"),
        ("data.name", "../mine", "data.name is ../mine, but must be the name of a folder of ATTATTR_DATA"),
        ("data.name", "mine", "data.dep is external/glue, but must be external/mine for data.source folder"),
        ("model.name", "a" * 4097, "but must be a name, or a table of such by task"),
        ("model.revision", "../main", 'model.revision is "../main", but must be a branch, a tag or a commit'),
        ("data.revision", "main", "data.revision is main, but must be null where data.source is folder"),
        ("tasks", ["colaa"], "tasks holds colaa, but conf/tasks.yaml has negation, inference, mnli, rte, sst2, mrpc"),
    ],
)
def test_a_value_that_does_not_fit_a_folder_is_refused(key: str, value: object, line: str) -> None:
    assert line in refusal(changed("minilm", key, value))


def test_a_number_is_for_every_task_and_a_table_for_those_it_names() -> None:
    assert [for_task(3, task) for task in ("rte", "sst2")] == [3, 3]
    assert [for_task({"default": 3, "rte": 0}, task) for task in ("rte", "sst2")] == [0, 3]
    assert [for_task({"rte": 5}, task) for task in ("rte", "sst2")] == [5, None]


def test_a_hub_id_takes_no_placeholders() -> None:
    assert "must be a hub id" in refusal(changed("paper", "model.name", "me/bert-{task}"))


def test_a_missing_key_is_named() -> None:
    values = copy.deepcopy(PRESETS["mini"])
    del values["prune"]["rates"]
    assert refusal(values) == "prune.rates is missing"


def test_an_integer_serves_as_a_number() -> None:
    assert load_params(changed("mini", "finetune.weight_decay", 0)).finetune.weight_decay == 0.0


@pytest.mark.parametrize(("key", "field"), [("attribute.steps", "steps"), ("run.token_budget", "token_budget")])
@pytest.mark.parametrize("value", ["auto", 1, 7])
def test_what_the_engine_can_choose_is_a_number_or_auto(key: str, field: str, value: object) -> None:
    section = getattr(load_params(changed("mini", key, value)), key.split(".")[0])
    assert getattr(section, field) == value


def test_values_cannot_be_changed_in_place() -> None:
    params = load_params(PRESETS["mini"])
    with pytest.raises(ValueError, match="frozen"):
        params.prune.n_eval = 3


@pytest.mark.parametrize(
    ("source", "name", "dep"),
    [
        ("scratch", None, "outputs/source/nothing_outside.txt"),
        ("hub", "google-bert/bert-base-cased", "outputs/source/nothing_outside.txt"),
        ("folder", "minilm", "external/models/minilm"),
        ("folder", "mine/minilm", "external/models/mine/minilm"),
        ("folder", "mine/{task}-{seed}", "external/models/mine"),
        ("folder", "mine/bert-{task}/final", "external/models/mine"),
        ("folder", "bert-{task}", "external/models"),
        ("folder", "a{b/c", "external/models/a{b/c"),
        ("folder", "a{b}/c-{seed}", "external/models/a{b}"),
        ("folder", "* [1]#?", "external/models/* [1]#?"),
    ],
)
def test_dvc_watches_the_folder_above_the_first_placeholder(source: str, name: str | None, dep: str) -> None:
    assert model_dep(source, name) == dep


def test_dvc_watches_where_examples_come_from() -> None:
    sources = [("planted", None), ("folder", None), ("folder", "mine"), ("hub", "me/mine")]
    assert [data_dep(source, name) for source, name in sources] == [
        "outputs/source/nothing_outside.txt",
        "external/glue",
        "external/mine",
        "outputs/source/nothing_outside.txt",
    ]


def test_the_planted_tasks_of_the_table_are_those_of_the_generator() -> None:
    assert tuple(name for name, task in read_task_table().items() if task.planted) == planted.TASKS


def unbounded(node: dict[str, Any], known: dict[str, Any], path: str) -> Iterator[str]:
    """The values below a node of a JSON schema that have no bounds, no choices and no longest text or list."""
    if "$ref" in node:
        yield from unbounded(known[node["$ref"].rpartition("/")[2]], known, path)
    for part in node.get("anyOf", ()):
        yield from unbounded(part, known, path)
    for name, part in node.get("properties", {}).items():
        yield from unbounded(part, known, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from unbounded(node[key], known, f"{path}.{key}")
    bounds = {
        "integer": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
        "number": [{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}],
        "string": [{"maxLength", "enum", "const"}],
        "array": [{"maxLength", "maxItems"}],
    }
    kind = node.get("type")
    has_kind = kind is not None or not node.keys().isdisjoint(("$ref", "anyOf", "enum", "const"))
    if not has_kind or any(node.keys().isdisjoint(names) for names in bounds.get(str(kind), ())):
        yield path


@pytest.mark.parametrize("model", [Params, Task])
def test_every_value_has_a_type_and_bounds_or_a_list_of_choices(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    assert list(unbounded(schema, schema.get("$defs", {}), "")) == []


def test_a_value_without_bounds_is_found() -> None:
    class Loose(Section):
        number: int
        text: str
        several: tuple[float, ...]
        either: Count | None
        table: dict[str, int]

    found = set(unbounded(Loose.model_json_schema(), {}, ""))
    assert found == {".number", ".text", ".several", ".several.items", ".table.additionalProperties"}


NO_VALUES = (None, True, -1, 1.5, "3", float("nan"), float("inf"), 10**30, -(10**30), [], {}, [[1]], ["a", "a"], "a\nb")
VALUES = [f"{section}.{key}" for section, held in PRESETS["mini"].items() if isinstance(held, dict) for key in held]


@pytest.mark.parametrize("key", [*VALUES, *PRESETS["mini"]])
def test_whatever_is_given_is_taken_or_refused_and_no_other_error(key: str) -> None:
    for value in NO_VALUES:
        with suppress(InputError):
            load_params(changed("mini", key, value))


def test_the_librarys_bound_of_steps_is_the_pipelines() -> None:
    assert quadrature.MOST_STEPS == MOST_STEPS
