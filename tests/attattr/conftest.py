"""What tests of the engine share: its reference, the paper's formula by plain forward passes."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest


@pytest.fixture(scope="session")
def formula(with_attention: Any) -> Callable[..., tuple[Any, Any]]:
    """`formula(model, inputs, target, nodes, weights, *, path="layer")` of one unpadded example, for probabilities.

    Attribution `(layer, head, query, key)` and F at zero attention, per layer or once. One row of a batch per node.
    """
    import torch

    def compute(
        model: Any, inputs: dict[str, Any], target: int, nodes: Sequence[float], weights: Any, *, path: str = "layer"
    ) -> tuple[Any, Any]:
        probs = [p.detach() for p in with_attention(model, inputs)[1]]
        # The last row is the attention at zero.
        alphas = torch.tensor([*nodes, 0], dtype=model.dtype)[:, None, None, None]
        shares = torch.tensor([*weights, 0], dtype=model.dtype)
        copies = {name: tensor.expand(len(alphas), -1) for name, tensor in inputs.items()}
        layers = range(len(probs))
        maps, baselines = [], []
        for block in [[layer] for layer in layers] if path == "layer" else [list(layers)]:
            scaled = [(alphas * probs[layer]).requires_grad_() for layer in block]
            logits, _ = with_attention(model, copies, dict(zip(block, scaled, strict=True)))
            f = logits.softmax(dim=-1)[:, target]
            for layer, gradient in zip(block, torch.autograd.grad(f.sum(), scaled), strict=True):
                maps.append(probs[layer][0] * torch.einsum("k,khij->hij", shares, gradient))
            baselines.append(f[-1].detach())
        return torch.stack(maps), torch.stack(baselines)

    return compute
