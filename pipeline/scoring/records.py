"""What is kept of an example's attribution: a few numbers per head and n x n maps summed over heads."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attattr.attribution import Attribution
from attattr.examples import Example
from attattr.importance import pooled_attention


@dataclass(frozen=True)
class Keep:
    """What is kept beside the numbers per head: n x n maps cost far more than the rest."""

    top_edges: int
    head_sum: bool
    full_ids: frozenset[str]  # examples whose maps are kept for every head


def _top_edges(attribution: Tensor, count: int) -> tuple[list[int], list[dict[str, Any]]]:
    """The head that holds the largest score anywhere, and its `count` largest edges; ties go by index."""
    _, heads, n, _ = attribution.shape
    place = int(attribution.flatten(2).amax(dim=2).flatten().argmax())
    layer, head = divmod(place, heads)
    values = attribution[layer, head].flatten()
    order = values.argsort(descending=True, stable=True)[:count].tolist()
    edges = [{"query": edge // n, "key": edge % n, "value": float(values[edge])} for edge in order]
    return [layer, head], edges


def example_record(
    example: Example, result: Attribution, number: int, *, split: str, target: int, target_name: str, keep: Keep
) -> dict[str, Any]:
    """One row of the store: row `number` of `result`, seen from class `target`.

    Where `target` is not the class that was attributed it is the other one of two, whose probability is one minus
    the first's, so that every score changes its sign (docs/method.md, "Two classes").
    """
    n, sign = len(example), 1.0 if target == int(result.target[number]) else -1.0
    scores = sign * result.attribution[number, :, :, :n, :n].float().cpu()
    probs = result.attention_probs[number, :, :, :n, :n].float().cpu()
    output = float(result.output[number])
    top_head, edges = _top_edges(scores, keep.top_edges)
    return {
        "split": split,
        "example_id": example.example_id,
        "target": target_name,
        "target_class": target,
        "label": example.label,
        "predicted": int(result.logits[number].argmax()),
        "n": n,
        "output": output if sign > 0 else 1 - output,
        "steps": result.steps[number].tolist(),
        "unconverged": result.unconverged[number].tolist(),
        "completeness_gap": (sign * result.completeness_gap[number]).tolist(),
        "output_change": (sign * (result.output[number] - result.baseline_output[number])).tolist(),
        "attribution_max": scores.amax(dim=(2, 3)).flatten().tolist(),
        "attribution_sum": scores.sum(dim=(2, 3)).flatten().tolist(),
        "attribution_positive": scores.clamp(min=0).sum(dim=(2, 3)).flatten().tolist(),
        "attribution_absolute": scores.abs().sum(dim=(2, 3)).flatten().tolist(),
        "attention_max": pooled_attention(probs[None], torch.tensor([n]), pooling="max").flatten().tolist(),
        "attention_confidence": pooled_attention(probs[None], torch.tensor([n]), pooling="confidence")
        .flatten()
        .tolist(),
        "top_head": top_head,
        "top_edges": edges,
        "head_sum": scores.sum(dim=1).flatten().tolist() if keep.head_sum else None,
        "full_attribution": scores.flatten().tolist() if example.example_id in keep.full_ids else None,
        "full_attention": probs.flatten().tolist() if example.example_id in keep.full_ids else None,
    }
