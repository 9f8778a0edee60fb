from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.values.paths import (
    SOURCE,
    analysis_folder,
    attributions_folder,
    data_folder,
    experiment_folder,
    link_external,
    metrics_file,
    model_folder,
    predictions_file,
    repository,
    summary_folder,
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    (folder / "glue").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ATTATTR_DATA", str(folder))
    return folder


def test_the_repository_is_the_working_directory_with_a_dvc_yaml_else_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert repository() == SOURCE
    assert (SOURCE / "pipeline" / "values" / "paths.py").is_file()
    (tmp_path / "dvc.yaml").touch()
    assert repository() == tmp_path


def test_outputs_are_below_the_given_root() -> None:
    root = Path("root")
    assert [
        data_folder(root, "rte", 1),
        model_folder(root, "rte", 1),
        predictions_file(root, "rte", 1),
        attributions_folder(root, "rte", 1),
        experiment_folder(root, "prune", "rte", 1),
        analysis_folder(root, "prune"),
        metrics_file(root, "rte"),
        summary_folder(root, "figures"),
    ] == [
        Path("root/outputs/data/rte-1"),
        Path("root/outputs/models/rte-1"),
        Path("root/outputs/predictions/rte-1.parquet"),
        Path("root/outputs/attributions/rte-1"),
        Path("root/outputs/prune/rte-1"),
        Path("root/outputs/analysis/prune"),
        Path("root/metrics/rte.json"),
        Path("root/outputs/figures"),
    ]


def test_the_link_is_made_and_follows_the_setting(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link_external(["glue"])
    assert Path("external").readlink() == data
    other = tmp_path / "other"
    (other / "glue").mkdir(parents=True)
    monkeypatch.setenv("ATTATTR_DATA", str(other))
    link_external(["glue"])
    link_external(["glue"])
    assert Path("external").readlink() == other
    assert [path.name for path in Path().iterdir()] == ["external"]


def test_a_link_to_nowhere_is_replaced(data: Path) -> None:
    Path("external").symlink_to("nowhere")
    link_external(["glue"])
    assert Path("external").readlink() == data


def test_a_relative_setting_counts_from_the_working_directory(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTATTR_DATA", "../data")
    link_external(["glue"])
    assert Path("external").readlink() == data


@pytest.mark.parametrize("setting", [None, "", "nowhere", "data/file"])
def test_a_setting_that_is_no_folder_is_refused(
    data: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    (data / "file").touch()
    if setting is None:
        monkeypatch.delenv("ATTATTR_DATA")
    else:
        monkeypatch.setenv("ATTATTR_DATA", setting and str(data.parent / setting))
    with pytest.raises(InputError, match="ATTATTR_DATA is"):
        link_external(["glue"])
    assert not Path("external").is_symlink()


def test_a_needed_folder_that_is_missing_is_named(data: Path) -> None:
    with pytest.raises(InputError, match="has no folder models/"):
        link_external(["glue", "models"])
    assert not Path("external").is_symlink()


def test_a_real_folder_or_file_of_that_name_is_left_alone(data: Path) -> None:
    Path("external").mkdir()
    Path("external/mine").write_text("precious")
    with pytest.raises(InputError, match="external exists and is not a link"):
        link_external(["glue"])
    assert Path("external/mine").read_text() == "precious"
    Path("external").rename("kept")
    Path("external").write_text("precious")
    with pytest.raises(InputError, match="external exists and is not a link"):
        link_external(["glue"])
    assert Path("external").read_text() == "precious"
