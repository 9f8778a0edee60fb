"""Which heads a pruned export still has. Imports no model, as every `explain` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PretrainedConfig

LEFT = "left_heads"  # what the config calls `kept_heads` of a model that has all heads again


def is_pruned(config: PretrainedConfig, folder: Path) -> bool:
    """Whether a folder is what `export` writes."""
    return folder.is_dir() and getattr(config, "kept_heads", None) is not None


def pruned_words(config: PretrainedConfig) -> str:
    """What a reader has to know of a model whose heads are not all left; empty for every other one."""
    kept = getattr(config, LEFT, None)
    if kept is None:
        return ""
    left, count = sum(map(len, kept)), len(kept) * config.num_attention_heads
    return f"pruned, {left} of {count} heads left; those taken out score 0, and their attention means nothing"
