"""Put into a stage's process by PYTHONPATH: notes what it opens and imports below $TRACED, in a file of $TRACED_IN."""

import atexit
import os
import sys

ROOT, PLACE = os.environ["TRACED"] + os.sep, os.environ["TRACED_IN"]
STAGE = os.environ.get("DVC_STAGE", "").split(":")[-1]


def note(kind: str, name: str) -> None:
    """Append a line; by the file's descriptor, which is no `open` that is noted again."""
    path = os.path.join(PLACE, f"{STAGE}.{os.getpid()}")  # noqa: PTH118
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{kind} {name}\n".encode())
    os.close(descriptor)


def hook(event: str, arguments: tuple[object, ...]) -> None:
    """Note the files that are opened to be read."""
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100
        written = isinstance(arguments[1], str) and {*arguments[1]} & {*"wax+"}
        if path.startswith(ROOT) and not path.startswith(PLACE) and not written:
            note("open", path.removeprefix(ROOT))


def leave() -> None:
    """Note what has been imported."""
    for name, module in [*sys.modules.items()]:
        path = getattr(module, "__file__", None) or ""
        note("import", path.removeprefix(ROOT) if path.startswith(ROOT) else name.partition(".")[0])


if STAGE:
    sys.addaudithook(hook)
    atexit.register(leave)
