"""What a path to write to stands for: a file, perhaps behind links, a device, a pipe, or one that is open already."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pipeline.errors import InputError

MARK = 12  # digits
HIDDEN = re.compile(rf"\.[0-9a-f]{{{MARK}}}-[0-9a-f]{{32}}")
MOST_LINKS = 40  # as many as the kernel follows
STANDARD_OUTPUT = Path("/dev/stdout")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into an InputError of one line."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def check_file(path: Path) -> None:
    """Find out before the work whether `store.replace` can write the file; nothing is left or cut off by that.

    Raises:
        InputError: if it cannot, or if the file's folder is missing.
    """
    with writing(path):
        number, status = _open_file(path), _status(path)
        if number is not None:
            if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise _refusal(errno.EBADF)
        elif status is None:
            with fresh_beside(Path(os.path.realpath(path))):
                pass
        elif stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            os.close(os.open(path, os.O_WRONLY))
            with fresh_beside(Path(os.path.realpath(path))):
                pass
        elif stat.S_ISSOCK(status.st_mode):
            raise _refusal(errno.ENXIO)
        elif not os.access(path, os.W_OK):  # to open a pipe is to wait for its reader
            raise _refusal(errno.EACCES)


def check_new_folder(folder: Path) -> None:
    """Find out before the work whether a folder can be made where none is, with those above it; none is left.

    Raises:
        InputError: if it cannot, or if something is there.
    """
    with writing(folder):
        with suppress(FileNotFoundError):
            folder.lstat()
            raise InputError(f"{folder} is there already: name a folder that is not")
        trial = next(above for above in folder.absolute().parents if os.path.lexists(above)) / f".{uuid4().hex}"
        trial.mkdir()
        trial.rmdir()


def identity(path: Path) -> object:
    """Equal for paths of which the one is written where the other is, and where that would mix them up.

    /dev/null and terminals take any number of outputs.
    """
    status = _status(path)
    if status is None:
        return os.path.realpath(path)
    if not stat.S_ISCHR(status.st_mode):
        return status.st_dev, status.st_ino
    return object() if _open_file(path) is None else _open_file(path)


def is_standard_output(path: Path) -> bool:
    """Whether what is written there would be mixed up with what the process prints."""
    return identity(path) == identity(STANDARD_OUTPUT)


def stream_to(path: Path) -> int | None:
    """A new descriptor of what is no regular file, a pipe once it is read; None where a regular file is or will be."""
    number, status = _open_file(path), _status(path)
    if number is not None:
        # Opened by its name, a file would be written from its beginning again.
        return os.dup(number)
    return None if status is None or stat.S_ISREG(status.st_mode) else os.open(path, os.O_WRONLY)


@contextmanager
def fresh_beside(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in the folder of `path`, open, with the owner and mode of what is there; gone afterwards.

    Unless it was renamed.
    """
    partial, status = hidden_beside(path), _status(path)
    # At no time open to more readers than the one that is there.
    mode = 0o666 if status is None else stat.S_IMODE(status.st_mode)
    number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(number, "wb") as file:
            if status is not None:
                with suppress(PermissionError):
                    os.fchown(number, status.st_uid, status.st_gid)
                os.fchmod(number, mode)  # the mask may have taken some of it
            yield partial, file
    finally:
        partial.unlink(missing_ok=True)


def hidden_beside(path: Path) -> Path:
    """A new name beside `path` for what is to become it, or was it: short, as that of `path` may be of any length."""
    return path.with_name(f".{_mark(path)}-{uuid4().hex}")


def remove_leftovers(path: Path) -> None:
    """Remove what writers of `path`, or of files in the folder `path`, left beside them when they were killed."""
    path = Path(os.path.realpath(path))
    inside = [one for one in path.rglob(".*") if HIDDEN.fullmatch(one.name)] if path.is_dir() else []
    for left in (*path.parent.glob(f".{_mark(path)}-*"), *inside):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _mark(path: Path) -> str:
    return hashlib.sha256(path.name.encode(errors="surrogateescape")).hexdigest()[:MARK]


def _open_file(path: Path) -> int | None:
    """The number of the process's open file that the path stands for, as /dev/stdout does for 1; else None."""
    own = ("/dev/fd", f"/proc/{os.getpid()}/fd")
    for _ in range(MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in own:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _status(path: Path) -> os.stat_result | None:
    """What is there, behind links; None where nothing is yet."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))
