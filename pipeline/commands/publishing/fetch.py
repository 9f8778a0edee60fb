"""The statistics of a pipeline run, from the artifact that its run `analyse` left on a Weights & Biases server."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import InputError
from pipeline.tracking.figure_data import FIGURE_DATA, MADE_BY
from pipeline.values.store import put_in_place
from pipeline.values.targets import writing


def fetch_figure_data(group: str, folder: Path, *, place: str) -> None:
    """Make `folder` of it, whole or not at all. `place` is entity/project; of several runs it is the newest one's.

    Raises:
        InputError: if the server has no such group or no statistics of it, cannot be asked, or sent something damaged.
    """
    import wandb

    where = f"{place}, group {group}"
    try:
        runs = [*wandb.Api().runs(place, filters={"group": group, "jobType": MADE_BY}, order="-created_at")]
        found = next((one for run in runs for one in run.logged_artifacts() if one.type == FIGURE_DATA), None)
    except Exception as error:  # whatever W&B's client makes of a server's answer
        raise InputError(f"{where} cannot be asked for: {' '.join(str(error).split())}") from None
    if not runs:
        raise InputError(f"{where}: there is no run of the stage {MADE_BY}; the group's name is that in the report")
    if found is None:
        raise InputError(f"{where}: no run {MADE_BY} holds {FIGURE_DATA}: send it again with pipeline.commands.publish")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as hidden:
            fresh = Path(hidden) / "fetched"
            try:
                found.download(root=str(fresh))
                found.verify(root=str(fresh))
            except Exception as error:
                if isinstance(error, OSError) and error.errno is not None:  # of this machine's disk
                    raise
                raise InputError(f"{where}: what was sent is damaged: {' '.join(str(error).split())}") from None
            put_in_place(fresh, folder)
