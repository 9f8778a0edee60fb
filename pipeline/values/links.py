"""Links within the folders that DVC watches, behind which it sees no change."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import InputError

# As the caches of the hub and of DVC name a file: other content would have another name.
DIGEST = re.compile(r"(?:.*--)?[0-9a-f]{30,64}(?:\.\w+)*")


def refuse_links(folder: Path, names: Iterable[str], *, watched: Path) -> None:
    """Refuse links on the way from `watched` to `folder`, and files of these `names` in it that are links.

    DVC follows a link to what it watches, or on the way to that, but none within: of a folder behind one it sees
    nothing, of a file only its size. A link to a file that is named after its content is as good as the file.

    Raises:
        InputError: naming the first link.
    """
    steps = [folder, *folder.parents]
    for step in reversed(steps[: steps.index(watched)]):
        if os.path.islink(step):  # noqa: PTH114 - `Path.is_symlink` raises where a name is too long
            raise _refused(step, "folder", watched)
    for path in (folder / name for name in names):
        if path.is_symlink() and not DIGEST.fullmatch(path.readlink().name):
            raise _refused(path, "file", watched)


def _refused(link: Path, what: str, watched: Path) -> InputError:
    return InputError(
        f"{link} is a link to {link.readlink()}, behind which DVC sees no change: put the {what} itself there "
        f"(cp -rL), or let ATTATTR_DATA name a folder that holds it; only {watched}, and what leads to it, may be links"
    )
