"""Whether a checkpoint is all that its weights say: no adapter beside them, no code of its own, nothing quantised.

Imports neither torch nor transformers, as `check` asks before anything is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Of peft and of AdapterHub. Folders of checkpoints are not looked into: what was merged may lie above them.
ADAPTERS = ("adapter_config.json", "adapter_model.*", "pytorch_adapter.bin", "adapters/*/adapter_config.json")
MERGED = "merge it into the weights, with peft's merge_and_unload().save_pretrained(...), in a folder of its own"
OWN_CODE = "use a checkpoint of transformers' own code, saved with save_pretrained"


def refuse_adapters(location: str, *, revision: str = "main") -> None:
    """Raise InputError where a folder or an entry of the hub holds an adapter: transformers would pass it over."""
    folder = Path(location)
    if folder.is_dir():
        found = next((path.relative_to(folder) for name in ADAPTERS for path in sorted(folder.glob(name))), None)
    else:
        from transformers.utils.peft_utils import find_adapter_config_file

        path = find_adapter_config_file(location, revision=revision)
        found = path and Path(path).name
    if found:
        raise InputError(f"{location} holds an adapter ({found}), without which it is another model: {MERGED}")


def check_plain(config: PretrainedConfig, location: str) -> None:
    """Raise InputError unless a config is of an encoder in full precision, by transformers' own code."""
    for key, value, kind in (
        ("quantization_config", None, "a quantised model"),
        ("is_decoder", False, "a decoder, which reads to the left only"),
        ("is_encoder_decoder", False, "an encoder with a decoder"),
    ):
        if getattr(config, key, value) not in (None, value):
            raise InputError(f"{location} is {kind} ({key} in its config.json): use an encoder in full precision")
    own_code = [name for name in getattr(config, "auto_map", None) or () if name.startswith("AutoModel")]
    if own_code:
        raise InputError(
            f"{location} brings code of its own (auto_map in its config.json), which is not run: {OWN_CODE}"
        )
