"""A classifier and its tokenizer as a folder that is there whole or not at all, and whether it can be written."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from pipeline.errors import InputError
from pipeline.predicting.load import quiet
from pipeline.values.store import put_in_place
from pipeline.values.targets import check_file, hidden_beside, writing


def save(model: PreTrainedModel, tokenizer: Any, folder: Path) -> None:
    """Write both; what `folder` held is deleted only then."""
    with _written(model, tokenizer, folder) as fresh:
        put_in_place(fresh, folder)


def check_saving(model: PreTrainedModel, tokenizer: Any, folder: Path, *, files: tuple[Path, ...]) -> None:
    """Find out before a training whether its results can be written: the folder, by doing so, and the `files` beside.

    Raises:
        InputError: if something cannot: a full or read-only disk, or a config that `save_pretrained` refuses.
    """
    with _written(model, tokenizer, folder):
        pass
    for path in files:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        check_file(path)


@contextmanager
def _written(model: PreTrainedModel, tokenizer: Any, folder: Path) -> Iterator[Path]:
    """Both in a folder beside `folder`, which is gone afterwards unless it was renamed."""
    fresh = hidden_beside(Path(os.path.realpath(folder)))
    try:
        with writing(folder):
            fresh.mkdir(parents=True)
            with quiet():
                model.save_pretrained(fresh)
            tokenizer.save_pretrained(fresh)
            yield fresh
    except InputError:
        raise
    # What transformers, its config's checks and safetensors raise has no class in common.
    except Exception as error:
        system = re.search(r"\(os error (\d+)\)", str(error))  # as safetensors and tokenizers say it
        if system:
            raise InputError(f"{folder} cannot be written: {os.strerror(int(system[1]))}") from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the model cannot be saved; mend its config.json: {reason}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
