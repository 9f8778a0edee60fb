"""A sequence classifier from a folder or the hub: what its files hold, whole, and nothing that was made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import CRITICAL
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from pipeline.errors import InputError, refused
from pipeline.predicting.plain import refuse_adapters
from pipeline.values.sums import check_sums

# What transformers looks for, in its order.
WEIGHTS = ("model.safetensors", "model-*-of-*.safetensors", "pytorch_model.bin", "pytorch_model-*-of-*.bin")
HALF = 0.01  # relative: what is stored in half precision is no other weight
ADDED = ("lora_", "adapter", "prompt_", "prefix_", "modules_to_save")  # names of adapters' parts
BUFFERS = ("position_ids", "token_type_ids")  # which older checkpoints store, and models make anew


@dataclass(frozen=True)
class Loaded:
    """A classifier, and the names of what its files do not hold."""

    model: PreTrainedModel
    missing: tuple[str, ...]
    """Weights that were drawn at random instead."""
    reshaped: dict[str, tuple[int, ...]]
    """Weights that were drawn too, as the stored ones have another shape: this one."""


def load_finetuned(folder: Path, device: torch.device) -> PreTrainedModel:
    """The classifier that `finetune` wrote, in float32.

    Raises:
        InputError: in one line, unless the folder holds all of it.
    """
    if not folder.is_dir():
        # By its name it would be looked for on the hub.
        raise InputError(f"{folder} is not a folder: run finetune again")
    check_sums(folder, owner=None, remedy="run finetune again")
    loaded = load_classifier(str(folder), remedy="run finetune again")
    require_stored(loaded, str(folder), remedy="run finetune again")
    model = loaded.model
    model.to(device)  # type: ignore[arg-type]
    return model


def load_classifier(
    location: str, *, remedy: str, config: PretrainedConfig | None = None, revision: str = "main"
) -> Loaded:
    """The classifier at `location`, a folder or a hub id, in float32, with the given config or its own.

    Raises:
        InputError: if it cannot be read, holds an adapter, weights that are not finite or not of this model, or two
            sets of them that differ; `remedy` ends the line where it is for the caller to say.
    """
    refuse_adapters(location, revision=revision)
    with refused(f"{location} cannot be loaded", remedy=remedy), _without_pickles(location), quiet():
        _refuse_integers(Path(location))
        # A half-precision checkpoint would otherwise load as half, and a config may ask for another attention.
        model, report = AutoModelForSequenceClassification.from_pretrained(
            location,
            config=config,
            revision=revision,
            dtype=torch.float32,
            attn_implementation="sdpa",
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    parts = {name for name, _ in model.base_model.named_children()} - {"pooler"}
    foreign = [key for key in report["unexpected_keys"] if _is_part(key, parts)]
    if foreign:
        raise InputError(f"{location} holds weights that its model does not have, {listed(foreign)}: {remedy}")
    _refuse_other_weights(model, Path(location))
    spoilt = [name for name, weights in model.named_parameters() if not weights.isfinite().all()]
    if spoilt:
        raise InputError(f"{location} holds weights that are not finite, {listed(spoilt)}: {remedy}")
    reshaped = {name: tuple(stored) for name, stored, _ in report["mismatched_keys"]}
    return Loaded(model, tuple(sorted(report["missing_keys"])), dict(sorted(reshaped.items())))


def require_stored(loaded: Loaded, location: str, *, remedy: str, drawn: Sequence[str] = ()) -> None:
    """Raise InputError if weights are missing or of another shape, save those in `drawn`, which may be missing."""
    missing = [name for name in loaded.missing if name not in drawn]
    if missing:
        raise InputError(f"{location} lacks weights, {listed(missing)}: {remedy}")
    if loaded.reshaped:
        name, shape = next(iter(loaded.reshaped.items()))
        expected = tuple(loaded.model.get_parameter(name).shape)
        rest = f" and {len(loaded.reshaped) - 1} more" if len(loaded.reshaped) > 1 else ""
        raise InputError(f"{location} holds {name} as {shape}{rest}, but its config says {expected}: {remedy}")


def listed(names: Sequence[str]) -> str:
    """The first names and how many there are."""
    names = sorted(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _is_part(key: str, parts: set[str]) -> bool:
    """Whether a stored weight belongs to an encoder, a classifier or an adapter, and not to a head of pretraining."""
    names = key.split(".")
    if names[-1] in BUFFERS:
        return False
    added = any(name.startswith(ADDED) for name in names)
    return added or not parts.isdisjoint(names) or names[0] in ("classifier", "pre_classifier")


def _refuse_integers(folder: Path) -> None:
    """Refuse weights of a type that stands for others: without what they are to be multiplied by they mean nothing."""
    for path in sorted([*folder.glob("model.safetensors"), *folder.glob("model-*-of-*.safetensors")]):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - the file is no mapping
                kind = file.get_slice(name).get_dtype()
                if kind not in ("F64", "F32", "F16", "BF16") and not name.endswith(BUFFERS):
                    raise InputError(f"{path} holds {name} as {kind}, which is quantised: use it in full precision")


def _refuse_other_weights(model: PreTrainedModel, folder: Path) -> None:
    """Refuse a folder with two sets of weights that differ: transformers passes over all but the first in silence."""
    found = [files for files in (sorted(folder.glob(name)) for name in WEIGHTS) if files]
    own = model.state_dict()
    for path in (path for files in found[1:] for path in files):
        for name, weights in _stored(path).items():
            mine = own.get(name, own.get(f"{model.base_model_prefix}.{name}"))
            if mine is None or not isinstance(weights, torch.Tensor) or weights.shape != mine.shape:
                continue
            if float((weights.float() - mine.float()).abs().max()) > HALF * float(mine.abs().max()):
                raise InputError(
                    f"{folder} holds weights twice, and {name} of {path.name} is another than that of "
                    f"{found[0][0].name}: delete those that are old"
                )


def _stored(path: Path) -> dict[str, Any]:
    """What a file of weights holds; nothing where it cannot be read, as nobody reads it, such as a pointer of LFS."""
    with suppress(Exception):
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    return {}


@contextmanager
def _without_pickles(location: str) -> Iterator[None]:
    """Say in one line what torch explains on a page, with advice to run the pickle nevertheless."""
    try:
        yield
    except UnpicklingError:
        raise InputError(
            f"{location} holds a pickle that is damaged or holds more than tensors: save it as model.safetensors"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own reports, of which an error's one line says what matters, and its progress bars."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
