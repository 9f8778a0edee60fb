"""A pruned export as a model of transformers' own code again: heads that were taken out are there, and do nothing.

Their weights are 0, so that they read nothing and write nothing: the logits are the export's up to rounding, and the
attribution of such a head is 0 exactly. The code in the export's folder is not run.
"""

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel

from pipeline.errors import InputError, refused
from pipeline.exporting.left import LEFT
from pipeline.exporting.pruned import CLASSES, READING, WRITING

REMEDY = "make it again with: python -m pipeline.commands.export"


def unpruned(config: PretrainedConfig, folder: Path) -> PreTrainedModel:
    """The model of an export, with all heads; `config.kept_heads` says which of them are left.

    Raises:
        InputError: if config and weights do not fit each other, or are not of `export`.
    """
    kept = _kept_heads(config, folder)
    with refused(f"{folder} has no readable model.safetensors", remedy=REMEDY):
        stored = load_file(folder / "model.safetensors")
    whole: Any = copy.deepcopy(config)
    setattr(whole, LEFT, whole.kept_heads)
    del whole.kept_heads  # now every layer has all
    if hasattr(whole, "auto_map"):
        del whole.auto_map  # so that transformers' own class is taken
    model = AutoModelForSequenceClassification.from_config(whole, attn_implementation="sdpa", trust_remote_code=False)
    width = config.hidden_size // config.num_attention_heads
    columns = kept.repeat_interleave(width, dim=1)
    weights = {name: _filled(name, empty, stored, columns) for name, empty in model.state_dict().items()}
    lacking = sorted(name for name, found in weights.items() if found is None)
    if lacking:
        raise InputError(f"{folder} lacks weights, or holds them in another shape, {lacking[0]}: {REMEDY}")
    spoilt = [name for name, found in weights.items() if not bool(torch.isfinite(found).all())]  # type: ignore[arg-type]
    if spoilt:
        raise InputError(f"{folder} holds weights that are not finite, {spoilt[0]}: {REMEDY}")
    model.load_state_dict(weights)  # type: ignore[arg-type]
    return model.eval()


def _kept_heads(config: PretrainedConfig, folder: Path) -> Tensor:
    """Whether a head is left, `(layer, head)`."""
    layers, heads, kept = config.num_hidden_layers, config.num_attention_heads, config.kept_heads
    fits = isinstance(kept, list) and len(kept) == layers and all(isinstance(row, list) for row in kept)
    if config.model_type not in CLASSES or not fits or any(head not in range(heads) for row in kept for head in row):
        raise InputError(f"{folder} is no export of a {config.model_type} (kept_heads in its config.json): {REMEDY}")
    mask = torch.zeros(layers, heads, dtype=torch.bool)
    for layer, row in enumerate(kept):
        mask[layer, row] = True
    return mask


def _filled(name: str, empty: Tensor, stored: dict[str, Tensor], columns: Tensor) -> Any:
    """A parameter of the whole model, 0 where its head is gone; None if the export does not hold what it needs."""
    reading, writing = READING.search(name), WRITING.search(name)
    found = stored.get(name)
    if not reading and not writing:
        return found.float() if found is not None and found.shape == empty.shape else None
    left = columns[int((reading or writing)[1])]  # type: ignore[index]
    whole = torch.zeros_like(empty, dtype=torch.float32)
    own = whole[left] if reading else whole[:, left]
    if found is None:  # as of a layer without heads
        return whole if own.numel() == 0 else None
    if found.shape != own.shape:
        return None
    if reading:
        whole[left] = found.float()
    else:
        whole[:, left] = found.float()
    return whole
