"""Outputs that someone names: links stay, devices and pipes take what comes, modes stay; refusals come first."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.values.store import put_in_place, replace
from pipeline.values.targets import check_file, check_new_folder, identity, is_standard_output

FULL = Path("/dev/full")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def nothing_else(tmp_path: Path):
    """Whatever a test does, no part of a file is left beside it."""
    yield
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".") and len(path.name) in (33, 46)]


@contextmanager
def no_room() -> Iterator[None]:
    """As on a full disk: files are made, but take no byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("chain", [("a",), ("a", "b"), ("../folder/a",)])
@pytest.mark.parametrize("old", [b"a longer old text", None])
def test_what_a_link_names_is_written_and_the_link_stays(tmp_path, chain, old):
    folder = tmp_path / "folder"
    folder.mkdir()
    target, links = folder / "target", [folder / Path(name).name for name in chain]
    if old is not None:
        target.write_bytes(old)
    for link, to in zip(links, ["target", *(link.name for link in links)], strict=False):
        link.symlink_to(to)
    path = folder / chain[-1]
    check_file(path)
    assert target.read_bytes() == old if old is not None else not target.exists()
    replace(path, b"new")
    assert all(link.is_symlink() for link in links)
    assert target.read_bytes() == path.read_bytes() == b"new"
    assert not target.is_symlink()


def test_what_a_folder_link_names_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "old").touch()
    (tmp_path / "link").symlink_to("real")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "new").touch()
    put_in_place(fresh, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["new"]
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o664, 0o640, 0o755])
def test_a_file_keeps_its_mode_and_was_never_open_to_more(tmp_path, monkeypatch, bits):
    path, seen = tmp_path / "x", []
    path.touch()
    path.chmod(bits)

    def recorded(self, target):
        seen.append(mode(self))
        self.rename(target)

    monkeypatch.setattr(Path, "replace", recorded)
    replace(path, b"new")
    assert [mode(path), *seen] == [bits, bits]


@pytest.mark.parametrize(("mask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_mask_leaves(tmp_path, mask, bits):
    before = os.umask(mask)
    try:
        check_file(tmp_path / "x")
        replace(tmp_path / "x", b"new")
    finally:
        os.umask(before)
    assert mode(tmp_path / "x") == bits


def test_a_pipe_takes_what_comes(tmp_path):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    check_file(path)  # does not wait for a reader
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    replace(path, b"x" * 100_000)
    reader.join()
    assert read == [b"x" * 100_000]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_devices_take_what_comes(tmp_path):
    ours, theirs = os.openpty()  # a terminal, whose folder lets no one replace it
    device, link = Path(os.ttyname(theirs)), tmp_path / "link"
    link.symlink_to(device)
    for path in (device, link):
        check_file(path)
        replace(path, b"new")
        assert os.read(ours, 9) == b"new"
    os.close(ours)
    os.close(theirs)
    with FULL.open("wb") as full:
        path = Path(f"/dev/fd/{full.fileno()}")
        check_file(path)
        with pytest.raises(InputError, match=rf"^{path} cannot be written: No space left on device$"):
            replace(path, b"new")


def test_an_open_file_is_written_on_where_it_stands(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        file.write(b"before ")
        file.flush()
        for path in (Path(f"/dev/fd/{file.fileno()}"), Path(f"/proc/self/fd/{file.fileno()}")):
            check_file(path)
            replace(path, b"new ")
        file.write(b"after")
    assert (tmp_path / "x").read_bytes() == b"before new new after"
    with (tmp_path / "x").open("rb") as file, pytest.raises(InputError, match="Bad file descriptor"):
        check_file(Path(f"/dev/fd/{file.fileno()}"))


def test_a_reader_that_has_left_is_one_line():
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(InputError, match=rf"^/dev/fd/{writing} cannot be written: Broken pipe$"):
        replace(Path(f"/dev/fd/{writing}"), b"new")
    os.close(writing)


@pytest.mark.parametrize("existing", [b"old", None])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, existing):
    path = tmp_path / "x"
    if existing is not None:
        path.write_bytes(existing)
    with no_room(), pytest.raises(InputError, match=rf"^{path} cannot be written: File too large$"):
        replace(path, b"new")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([] if existing is None else [existing])


def refuse_opening(number: int):
    def refused(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return refused


def no_folder(path: Path, _) -> Path:
    return path / "y"


def in_a_file(path: Path, _) -> Path:
    path.touch()
    return path / "y"


def a_folder(path: Path, _) -> Path:
    path.mkdir()
    return path


def a_loop(path: Path, _) -> Path:
    path.symlink_to("other")
    path.with_name("other").symlink_to(path.name)
    return path


def no_folder_behind_a_link(path: Path, _) -> Path:
    path.symlink_to("nowhere/y")
    return path


def too_long(path: Path, _) -> Path:
    return path.with_name("x" * 256)


def read_only(path: Path, patch) -> Path:
    patch.setattr("pipeline.values.targets.os.open", refuse_opening(errno.EROFS))
    return path


def not_ours(path: Path, patch) -> Path:
    path.write_bytes(b"old")
    patch.setattr("pipeline.values.targets.os.open", refuse_opening(errno.EACCES))
    return path


OBSTACLES = {
    no_folder: "No such file or directory",
    in_a_file: "Not a directory",
    a_folder: "Is a directory",
    a_loop: "Too many levels of symbolic links",
    no_folder_behind_a_link: "No such file or directory",
    too_long: "File name too long",
    read_only: "Read-only file system",
    not_ours: "Permission denied",
}


@pytest.mark.parametrize(("obstacle", "reason"), OBSTACLES.items())
def test_what_cannot_be_written_is_found_before_and_left_as_it_was(tmp_path, monkeypatch, obstacle, reason):
    path = obstacle(tmp_path / "x", monkeypatch)
    before = {one: one.read_bytes() if one.is_file() else None for one in tmp_path.rglob("*")} if reason else {}
    with pytest.raises(InputError, match=rf"cannot be written: {reason}$") as caught:
        check_file(path)
    assert "\n" not in str(caught.value)
    assert {one: one.read_bytes() if one.is_file() else None for one in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["x" * 250, "é" * 125, "two words", "-x", "x\n", "\udcff"])
def test_any_name_that_the_system_takes_is_written(tmp_path, name):
    check_file(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    replace(tmp_path / name, b"new")
    replace(tmp_path / name, b"newer")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"newer"]


def test_what_is_there_is_not_cut_off_by_the_check(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    before = (tmp_path / "x").stat()
    check_file(tmp_path / "x")
    after = (tmp_path / "x").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (tmp_path / "x").read_bytes() == b"old"


def test_which_outputs_are_the_same(tmp_path):
    one, other, null = tmp_path / "one", tmp_path / "other", Path("/dev/null")
    assert identity(one) == identity(tmp_path / "." / "one") != identity(other)
    other.symlink_to("one")  # to what is not there yet
    assert identity(one) == identity(other)
    one.touch()
    assert identity(one) == identity(other)
    (tmp_path / "third").hardlink_to(one)
    assert identity(one) == identity(tmp_path / "third")
    assert identity(null) != identity(null)
    reading, writing = os.pipe()
    assert identity(Path(f"/dev/fd/{writing}")) == identity(Path(f"/proc/self/fd/{writing}")) != identity(one)
    os.close(reading)
    os.close(writing)
    assert is_standard_output(Path("/dev/fd/1"))
    assert not is_standard_output(null)
    assert not is_standard_output(one)


def test_a_new_folder_is_tried_where_it_will_be(tmp_path):
    check_new_folder(tmp_path / "a" / "b")
    check_new_folder(tmp_path / ("x" * 250))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").touch()
    for there in (tmp_path, tmp_path / "link", tmp_path / "file"):
        with pytest.raises(InputError, match="is there already"):
            check_new_folder(there)
    for path, reason in {"file/x": "Not a directory", "link/x": "No such file", "x" * 256: "too long"}.items():
        with pytest.raises(InputError, match=f"cannot be written: .*{reason}"):
            check_new_folder(tmp_path / path)


PRINTING = """
from pipeline.launch.command import run_program
run_program(lambda: print("x" * {size}))
"""


def printed(size, out):
    """How a program of the project ends that prints to `out`."""
    command = [sys.executable, "-c", PRINTING.format(size=size)]
    ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_standard_output_that_takes_no_more_is_one_line(size):
    with FULL.open("wb") as full:
        assert printed(size, full) == (2, "error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_reader_that_has_left_is_no_error(size):
    reading, writing = os.pipe()
    os.close(reading)
    assert printed(size, writing) == (128 + signal.SIGPIPE, "")
    os.close(writing)
