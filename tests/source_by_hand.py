"""Another source of the project, as a later process finds it."""

from pathlib import Path

from pipeline.digests import closure, pins, said, stage
from pipeline.digests.pins import ALL, COMPUTING


def without_pins(folder: Path) -> None:
    """Lock files without a pin, for source that imports nothing."""
    for name in (ALL, COMPUTING):
        (folder / name).write_text("")


def edit_source(path: Path, text: str) -> None:
    """Write a file of the source, and forget what is known of all."""
    path.write_text(text)
    for module in (closure, pins, said, stage):
        for known in vars(module).values():
            if hasattr(known, "cache_clear"):
                known.cache_clear()
