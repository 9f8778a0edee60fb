from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.values.links import refuse_links

WATCHED = Path("external/models")
SHA1, SHA256 = "0a" * 20, "0b" * 32


@pytest.fixture
def link(tmp_path, monkeypatch):
    """`link(path, target)`: a link, with the folders above it; `real/` and its `file` are there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real/deep").mkdir(parents=True)
    for name in ("file", "deep/file"):
        (tmp_path / "real" / name).touch()

    def link(path, target):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(target)

    return link


@pytest.mark.parametrize("target", ["real", "../../real", "second", "nowhere"])
def test_a_linked_folder_within_the_watched_one_is_refused(link, tmp_path, target):
    link("second", tmp_path / "real")
    link(WATCHED / "x", target if target.startswith("..") else tmp_path / target)
    with pytest.raises(
        InputError, match=r"external/models/x is a link to .*, behind which DVC sees no change: put the fol"
    ):
        refuse_links(WATCHED / "x" / "deep", (), watched=WATCHED)


def test_a_linked_folder_halfway_is_refused(link, tmp_path):
    link(WATCHED / "mine/x", tmp_path / "real")
    with pytest.raises(InputError, match="external/models/mine/x is a link"):
        refuse_links(WATCHED / "mine/x/deep", (), watched=WATCHED)


@pytest.mark.parametrize("path", ["external", "external/models", "external/models/x"])
def test_what_is_watched_and_what_leads_to_it_may_be_links(link, tmp_path, path):
    for folder in ("models/x/deep", "x/deep"):
        (tmp_path / "real" / folder).mkdir(parents=True)
        (tmp_path / "real" / folder / "file").touch()
    link(path, tmp_path / "real")
    below = {"external": "external/models/x", "external/models": "external/models/x"}.get(path, path)
    refuse_links(Path(below) / "deep", ["file"], watched=Path(below))
    assert (Path(below) / "deep/file").is_file()


@pytest.mark.parametrize("target", ["real/file", "second"])
def test_a_linked_file_that_is_read_is_refused_as_its_size_may_stay(link, tmp_path, target):
    link("second", tmp_path / "real/file")
    link(WATCHED / "x/w", tmp_path / target)
    with pytest.raises(InputError, match=r"external/models/x/w is a link to .*: put the file itself there"):
        refuse_links(WATCHED / "x", ["w"], watched=WATCHED)
    refuse_links(WATCHED / "x", ["config.json"], watched=WATCHED)  # that one is not read


def test_a_name_that_holds_a_digest_beside_other_words_says_nothing_of_the_content(link):
    blob = Path("blobs") / f"run-{SHA1}.safetensors"
    blob.parent.mkdir()
    blob.touch()
    link(WATCHED / "x/w", blob.absolute())
    with pytest.raises(InputError, match="external/models/x/w is a link"):
        refuse_links(WATCHED / "x", ["w"], watched=WATCHED)


@pytest.mark.parametrize("name", [SHA1, SHA256, f"files/md5/ab/{'0c' * 15}", f"SHA256E-s9--{SHA256}.safetensors"])
def test_a_link_to_a_file_that_is_named_after_its_content_is_as_good_as_the_file(link, name):
    blob = Path("blobs") / name
    blob.parent.mkdir(parents=True)
    blob.touch()
    link(WATCHED / "x/w", Path("../../../blobs") / name)
    assert (WATCHED / "x/w").is_file()
    refuse_links(WATCHED / "x", ["w"], watched=WATCHED)
