from pathlib import Path

import pytest

from pipeline.commands.check import main
from pipeline.values.params import dump_params
from pipeline.values.presets import compose_params


@pytest.fixture(autouse=True)
def history(tmp_path: Path) -> Path:
    """A history around everything, as DVC asks for."""
    (tmp_path / ".git").mkdir()
    return tmp_path / ".git"


def test_outside_of_git_one_line_says_what_to_do(
    history: Path, workspace: Path, capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    history.rmdir()
    assert exit_code(main, []) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: {workspace} is in no git repository, which DVC looks for: run `git init`, or")
    assert said.count("\n") == 1
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n")
    assert exit_code(main, []) == 0


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Path) -> Path:
    """A data folder for the values of a user's own fine-tuned models, two tasks and two seeds."""
    given = ["preset=minilm", "tasks=[rte,sst2]", "seeds=[1,2]", "model.name='mine/{task}-{seed}'"]
    Path("params.yaml").write_text(dump_params(compose_params(given), header="A test's."))
    folder = tmp_path / "data"
    for task in ("rte", "sst2"):
        (folder / "glue" / task).mkdir(parents=True)
        for seed in (1, 2):
            (folder / "models" / "mine" / f"{task}-{seed}").mkdir(parents=True)
    monkeypatch.setenv("ATTATTR_DATA", str(folder))
    return folder


def test_good_values_are_passed_in_silence(workspace: Path, capfd: pytest.CaptureFixture[str], exit_code) -> None:
    assert exit_code(main, []) == 0
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in workspace.iterdir()} == {"dvc.yaml", "params.yaml"}


def test_a_bad_value_is_one_line_and_2(workspace: Path, capfd: pytest.CaptureFixture[str], exit_code) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("random_orders", "random_order"))
    assert exit_code(main, []) == 2
    assert capfd.readouterr().err == (
        "error: prune.random_order is not a known key; did you mean prune.random_orders?\n"
    )


def test_the_link_is_made_where_the_values_need_it(data: Path, exit_code) -> None:
    assert exit_code(main, []) == 0
    assert Path("external").resolve() == data


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("glue/sst2", "error: tasks holds sst2, but there is no folder external/glue/sst2"),
        (
            "models/mine/rte-2",
            "error: model.name is mine/{task}-{seed}, but external/models/mine/rte-2 is not a folder",
        ),
    ],
)
def test_a_missing_folder_is_one_line_and_2(
    data: Path, capfd: pytest.CaptureFixture[str], missing: str, line: str, exit_code
) -> None:
    (data / missing).rmdir()
    assert exit_code(main, []) == 2
    shown = capfd.readouterr().err
    assert shown.startswith(line)
    assert shown.count("\n") == 1


def test_a_folders_name_may_hold_any_character(data: Path, exit_code) -> None:
    name = "a {b} * [1] # ü\n{seed"
    given = ["preset=minilm", "tasks=[rte]", "seeds=[1]", f"model.name='{name}-{{task}}'"]
    Path("params.yaml").write_text(dump_params(compose_params(given), header="A test's."))
    (data / "models" / f"{name}-rte").mkdir()
    assert exit_code(main, []) == 0
    (data / "models" / f"{name}-rte").rmdir()
    assert exit_code(main, []) == 2


def test_an_unset_data_folder_is_one_line_and_2(
    data: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, exit_code
) -> None:
    monkeypatch.delenv("ATTATTR_DATA")
    assert exit_code(main, []) == 2
    assert (
        capfd.readouterr().err == "error: ATTATTR_DATA is not set; set it to the folder that holds glue/ and models/\n"
    )


def test_an_adapter_and_a_name_that_is_too_long_are_found_before_any_work(
    data: Path, capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    (data / "models" / "mine" / "sst2-2" / "adapter_config.json").write_text("{}")
    assert exit_code(main, []) == 2
    line = (
        "error: external/models/mine/sst2-2 holds an adapter (adapter_config.json), without which it is another model: "
    )
    assert capfd.readouterr().err.startswith(line)
    given = ["preset=minilm", "tasks=[rte]", "seeds=[1]", f"model.name={'a' * 300}"]
    Path("params.yaml").write_text(dump_params(compose_params(given), header="A test's."))
    assert exit_code(main, []) == 2
    assert "aaa is not a folder" in capfd.readouterr().err


@pytest.mark.parametrize("linked", ["glue/rte", "models/mine", "models/mine/sst2-2"])
def test_a_linked_folder_that_dvc_would_not_look_into_is_one_line_and_2(
    data: Path, capfd: pytest.CaptureFixture[str], exit_code, linked: str
) -> None:
    assert exit_code(main, []) == 0
    folder = data / linked
    folder.rename(data / "real")
    folder.symlink_to(data / "real")
    # What DVC watches here is models/mine, up to the placeholder, so that this one it follows.
    watched = linked == "models/mine"
    assert exit_code(main, []) == (0 if watched else 2)
    said = capfd.readouterr().err
    assert said.startswith(
        "" if watched else f"error: external/{linked} is a link to {data / 'real'}, behind which DVC"
    )
    assert said.count("\n") == (0 if watched else 1)
    for name in ("glue", "models"):
        (data / name).rename(data / f"real-{name}")
        (data / name).symlink_to(data / f"real-{name}")
    if not watched:
        folder.unlink()
        (data / "real").rename(folder)
    assert exit_code(main, []) == 0


def test_a_linked_file_of_a_model_is_refused_unless_it_is_named_after_its_content(
    data: Path, capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    link, blob = data / "models/mine/rte-1/model.safetensors", data / ("0a" * 32)
    for target in (blob, data / "weights"):
        target.touch()
    link.symlink_to(blob)
    assert exit_code(main, []) == 0
    link.unlink()
    link.symlink_to(data / "weights")
    assert exit_code(main, []) == 2
    assert "model.safetensors is a link to" in capfd.readouterr().err
