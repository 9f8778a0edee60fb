"""dvc.lock, which DVC writes in place: killed in the middle, it leaves a part. A copy of the last whole one is kept."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import InputError
from pipeline.values.store import replace

LOCK = Path("dvc.lock")
KEPT = Path(".dvc/tmp/dvc.lock")  # where git sees nothing
CUT = Path(".dvc/tmp/dvc.lock.cut")


def keep_lock_file() -> None:
    """Keep a copy of dvc.lock if it is whole; go on from the copy if it is not, and say so.

    The stages whose entries are lost run again, or DVC has their results in its cache. One that is whole is never
    replaced, whatever is in it; and where it has been deleted the copy is, too.

    Raises:
        InputError: if git has left a conflict in it.
    """
    if not LOCK.is_file():
        KEPT.unlink(missing_ok=True)
        return
    content = LOCK.read_bytes()
    kept = KEPT.read_bytes() if KEPT.is_file() else None
    if content == kept:
        return
    if is_whole(content):
        replace(KEPT, content)
        return
    if re.search(rb"^(<<<<<<<|>>>>>>>) ", content, re.MULTILINE):
        raise InputError(f"{LOCK} has conflicts: choose a side, as with `git checkout --ours {LOCK}`")
    replace(CUT, content)
    if kept is None:
        LOCK.unlink()
        sys.stderr.write(f"{LOCK} was cut off when it was written: going on without it ({CUT})\n")
    else:
        replace(LOCK, kept)
        sys.stderr.write(f"{LOCK} was cut off when it was written: going on from the last whole one\n")


def is_whole(content: bytes) -> bool:
    """Whether DVC would read it, and has written it to the end of a line, and any line at all."""
    if not content.endswith(b"\n"):
        return False
    try:
        read: Any = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError:
        return False
    entries = read.get("stages", {}) if isinstance(read, dict) and read.get("schema") else None
    return isinstance(entries, dict) and all(map(_is_entry, entries.values()))


def _is_entry(entry: Any) -> bool:
    """As DVC requires it: a command, and a path for every file."""
    if not isinstance(entry, dict) or not entry.get("cmd"):
        return False
    files = [file for kind in ("deps", "outs") for file in entry.get(kind, ()) or ()]
    return all(isinstance(file, dict) and file.get("path") for file in files)
