"""Files of unfinished work: whole, of this run and of this name, or done again."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError
from pipeline.launch.unfinished import SEAL, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 3


@pytest.fixture
def work(tmp_path: Path) -> Unfinished:
    """With a file "a" of some content, and one "b" of none."""
    work = Unfinished(tmp_path / "work", "key")
    for name, content in (("a", CONTENT), ("b", b"")):
        work.write(name, lambda file, content=content: file.write(content))
    return work


def test_what_was_written_is_read_again(work: Unfinished) -> None:
    assert work.has("a")
    assert not work.has("c")
    for name, content in (("a", CONTENT), ("b", b"")):
        found = work.read(name)
        assert found is not None
        assert found.read() == content
    assert work.read("c") is None
    assert sorted(path.name for path in work.folder.iterdir()) == ["a", "b"]


def test_every_flipped_bit_and_every_cut_is_seen(work: Unfinished) -> None:
    path = work.path("a")
    whole = path.read_bytes()
    assert len(whole) == len(CONTENT) + SEAL
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert not work.has("a"), place
    for length in random.Random(0).sample(range(len(whole)), 50):
        path.write_bytes(whole[:length])
        assert work.read("a") is None, length
    path.write_bytes(whole)
    assert work.has("a")


def test_what_is_damaged_is_set_aside_with_a_word(work: Unfinished, caplog: pytest.LogCaptureFixture) -> None:
    path = work.path("a")
    path.write_bytes(b"damaged")
    assert not work.has("a")
    assert not path.exists()
    assert path.with_name("a.damaged").read_bytes() == b"damaged"
    assert caplog.messages == [f"{path} is damaged, or of another run: it is now a.damaged, and its work is done again"]
    work.write("a", lambda file: file.write(CONTENT))
    assert work.has("a")


def test_a_file_of_another_run_part_or_name_is_not_taken(work: Unfinished) -> None:
    content = work.path("a").read_bytes()
    for other, name in ((Unfinished(work.folder, "other"), "a"), (work.within("part"), "a"), (work, "c")):
        other.folder.mkdir(exist_ok=True)
        other.path(name).write_bytes(content)
        assert not other.has(name)


@contextmanager
def no_room() -> Iterator[None]:
    """Files may have 100 bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_the_file_that_was_there_stays(work: Unfinished) -> None:
    with no_room(), pytest.raises(InputError, match=r"work/a cannot be written: File too large$"):
        work.write("a", lambda file: file.write(CONTENT[::-1]))
    found = work.read("a")
    assert found is not None
    assert found.read() == CONTENT
    assert sorted(path.name for path in work.folder.iterdir()) == ["a", "b"]
