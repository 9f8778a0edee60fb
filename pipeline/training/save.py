"""A classifier and its tokenizer as a folder that is there whole or not at all, and whether it can be written."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from transformers import PreTrainedModel

from pipeline.errors import InputError
from pipeline.predicting.load import quiet
from pipeline.values.store import put_in_place, replace


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
        try:
            trial = path.with_name(f".{path.name}.{uuid4().hex}")
            replace(trial, b"")
            trial.unlink()
        except OSError as error:
            raise _unwritable(path, error) from None


@contextmanager
def _written(model: PreTrainedModel, tokenizer: Any, folder: Path) -> Iterator[Path]:
    """Both in a folder beside `folder`, which is gone afterwards unless it was renamed."""
    fresh = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        fresh.mkdir(parents=True)
        with quiet():
            model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)
        yield fresh
    except OSError as error:
        raise _unwritable(folder, error) from None
    # What transformers, its config's checks and safetensors raise has no class in common.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the model cannot be saved; mend its config.json: {reason}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror or error}")
