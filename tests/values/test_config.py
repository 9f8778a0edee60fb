import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml

from pipeline.errors import InputError
from pipeline.values.config import ENTRY, LABELS, TABLE, StageConfig
from pipeline.values.params import dump_params, read_declaration, read_params
from pipeline.values.presets import compose_params
from pipeline.values.task_table import read_task_table

PARAMS = compose_params(["preset=mini"])


def config(**changes: Any) -> StageConfig:
    given: dict[str, Any] = {"stage": "prune", "declared": frozenset({"prune", "preset"}), **changes}
    return StageConfig(PARAMS, **given)


def test_a_stage_sees_what_dvc_yaml_declares_and_run() -> None:
    seen = config(task="negation", seed=1)
    assert seen.prune is PARAMS.prune
    assert seen.preset == "mini"
    assert seen.run is PARAMS.run
    assert (seen.task, seen.seed, seen.label) == ("negation", 1, "negation-1")


@pytest.mark.parametrize("section", ["finetune", "tasks", "data"])
def test_reading_an_undeclared_section_is_an_error_that_names_it(section: str) -> None:
    with pytest.raises(InputError, match=f"stage prune reads {section}, but dvc.yaml does not declare it"):
        getattr(config(), section)


@pytest.mark.parametrize("name", ["task", "seed"])
def test_a_stage_without_matrix_has_no_task_and_no_seed(name: str) -> None:
    with pytest.raises(InputError, match=f"takes no {name}"):
        getattr(config(), name)


DECLARED = {"table": TABLE, "entry": ENTRY, "labels": LABELS}


@pytest.mark.parametrize(
    ("declared", "seen"),
    [("table", ["table", "entry", "labels"]), ("entry", ["entry", "labels"]), ("labels", ["labels"])],
)
def test_of_the_tasks_a_stage_sees_what_dvc_yaml_declares(declared: str, seen: list[str]) -> None:
    found = config(declared=frozenset({DECLARED[declared]}), task="rte", seed=1)
    table = read_task_table()
    whole = {"table": table, "entry": table["rte"], "labels": ("entailment", "not_entailment")}
    for name, value in whole.items():
        if name in seen:
            assert getattr(found, name) == value
        else:
            with pytest.raises(InputError, match=r"stage prune reads conf/tasks.yaml.*, but dvc.yaml does not declare"):
                getattr(found, name)


@pytest.mark.parametrize("declared", ["table", "entry", "labels"])
def test_what_a_stage_sees_of_the_tasks_is_among_its_values(declared: str) -> None:
    """So that unfinished work of another entry is not taken up."""
    found = config(declared=frozenset({DECLARED[declared]}), task="rte", seed=1)
    assert [*found.values()] == [declared]
    assert "not_entailment" in str(found.values())
    assert ("sentence2" in str(found.values())) == (declared != "labels")


def test_a_declaration_may_name_parts_of_the_table_of_tasks(workspace: Path) -> None:
    for written, part in (("null", TABLE), ('["${item.task}"]', ENTRY), ('["${item.task}.labels"]', LABELS)):
        text = f"stages:\n  prune:\n    cmd: x\n    params: [prune, {{conf/tasks.yaml: {written}}}]\n"
        Path("dvc.yaml").write_text(text)
        assert read_declaration("prune").sections == {"prune", part}


def test_what_is_no_section_is_no_attribute() -> None:
    assert not hasattr(config(), "prunes")


def test_the_values_are_the_declared_sections_and_never_run() -> None:
    assert config().values() == {"preset": "mini", "prune": PARAMS.prune.model_dump(mode="json")}


def test_values_can_travel_to_another_process() -> None:
    for copied in (pickle.loads(pickle.dumps(config(seed=1))), copy.deepcopy(config(seed=1))):
        assert (copied.seed, copied.prune) == (1, PARAMS.prune)
        with pytest.raises(InputError):
            _ = copied.finetune


def test_a_declaration_is_the_stages_params_and_matrix(workspace: Path) -> None:
    prune = read_declaration("prune")
    assert (prune.sections, prune.matrix) == ({"preset", "prune"}, {"task", "seed"})
    assert read_declaration("report").matrix == frozenset()


@pytest.mark.parametrize("entry", ["prune.rates", "prunes", "run", "{other.yaml: [prune]}", "{conf/tasks.yaml: [rte]}"])
def test_a_declaration_must_list_whole_sections(workspace: Path, entry: str) -> None:
    Path("dvc.yaml").write_text(f"stages:\n  prune:\n    cmd: x\n    params: [{entry}]\n")
    with pytest.raises(InputError, match="must list whole sections"):
        read_declaration("prune")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "dvc.yaml is missing"),
        ("stages: [", "dvc.yaml is not valid YAML"),
        ("", "dvc.yaml has no stage prune"),
        ("stages: {tree: {cmd: x}}", "dvc.yaml has no stage prune"),
    ],
)
def test_a_stage_that_dvc_yaml_lacks_is_an_error(workspace: Path, text: str | None, line: str) -> None:
    Path("dvc.yaml").unlink()
    if text is not None:
        Path("dvc.yaml").write_text(text)
    with pytest.raises(InputError, match=line):
        read_declaration("prune")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "params.yaml is missing; make it with: python -m pipeline.commands.compose"),
        ("prune: [", "params.yaml is not valid YAML"),
        ("prune: {seed: 1, seed: 2}", "duplicate key seed"),
        ("prune: &a [*a]", "params.yaml is not valid YAML"),
        ("prune: " + 2000 * "[", "params.yaml is not valid YAML"),
        (f"prune: {5000 * '1'}", "params.yaml is not valid YAML"),
        (b"prune: 1  # caf\xe9", "params.yaml is not valid YAML"),
        ("- prune", "params.yaml must hold sections"),
    ],
)
def test_a_params_yaml_that_cannot_be_read_is_an_error(workspace: Path, text: str | bytes | None, line: str) -> None:
    Path("params.yaml").unlink()
    if text is not None:
        Path("params.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError, match=line):
        read_params()


def test_a_reference_to_another_value_is_refused(workspace: Path) -> None:
    # DVC would not see the value change that it refers to.
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("random_orders: 20", "random_orders: ${prune.orders}"))
    with pytest.raises(InputError, match=r"prune\.random_orders is .* but must be an integer"):
        read_params()


@pytest.mark.parametrize("preset", ["mini", "minilm", "paper"])
def test_dvc_changes_one_line_of_what_is_written(tmp_path: Path, preset: str) -> None:
    text = dump_params(compose_params([f"preset={preset}"]), header="First.\nSecond.")
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with modify_yaml(str(path)) as values:
        values["prune"]["random_orders"] = 25
    assert path.read_text() == text.replace("random_orders: 20", "random_orders: 25")


def test_a_number_that_dvc_sets_for_an_experiment_takes_the_place_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(dump_params(compose_params(["preset=minilm"]), header="A test's."))
    apply_overrides(str(path), ["finetune.epochs=0"])  # what `dvc exp run -S` does
    assert read_params(path).finetune.epochs == 0


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    for preset in ("mini", "minilm", "paper"):
        params = compose_params([f"preset={preset}"])
        path.write_text(dump_params(params, header="A test's."))
        assert read_params(path) == params
