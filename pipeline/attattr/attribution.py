"""Self-attention attribution (the paper's equations 2 and 3), by the exact identities of docs/method.md."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attention import class_count, head_count, layer_count
from pipeline.attattr.batching import default_token_budget, group_by_length
from pipeline.attattr.encoder import check_family, describe
from pipeline.attattr.errors import AttributionError, NonFiniteError
from pipeline.attattr.integrate import integrate_joint, integrate_layer, joint_baseline, layer_baseline
from pipeline.attattr.output import OUTPUTS, Output, evaluate
from pipeline.attattr.prefix import Inputs, check_readout, frozen, prefix_pass
from pipeline.attattr.quadrature import Rule, quadrature

Path = Literal["layer", "joint"]
PATHS: tuple[str, ...] = get_args(Path)


@dataclass(frozen=True)
class Attribution:
    """Attribution scores of one batch; edge (i, j) means "query i reads key j". Zero at padding."""

    attribution: Tensor  # (batch, layer, head, query, key)
    attention_probs: Tensor  # (batch, layer, head, query, key)
    logits: Tensor  # (batch, classes)
    target: Tensor  # (batch,), class ids
    output: Tensor  # (batch,), F of the unchanged model
    path: Path
    _baseline: Callable[[], Tensor] = field(repr=False)

    @cached_property
    def baseline_output(self) -> Tensor:
        """F with the attention of one layer at zero, `(batch, layer)`; for `joint` with all at zero, `(batch, 1)`.

        Computed on first access, from the model as it is then.
        """
        return self._baseline()

    @cached_property
    def completeness_gap(self) -> Tensor:
        """The attribution's sum minus the change of F that it explains; shaped as `baseline_output`.

        Integrated gradients are complete: with an exact integral the gap is zero.
        """
        total = self.attribution.sum(dim=(2, 3, 4))
        if self.path == "joint":
            total = total.sum(dim=1, keepdim=True)
        return total - (self.output[:, None] - self.baseline_output)


# A caller's inference mode would forbid every gradient, so it is left for the while.
@torch.inference_mode(False)
def attribute(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    target: Tensor | Literal["predicted"],
    steps: int,
    rule: Rule = "gauss_legendre",
    path: Path = "layer",
    output: Output = "probability",
    token_budget: int | None = None,
) -> Attribution:
    """Attribution scores of every attention edge: `A * sum_k w_k dF(alpha_k A)/dA`, the paper's equation 3.

    `input_ids`, `attention_mask`, `token_type_ids` are a right-padded batch `(batch, n)` on the model's device.
    `target` is the class that is explained, `(batch,)` ids, or "predicted". `path` "layer" scales one layer's
    attention at a time and recomputes the layers above; "joint" freezes all attention and scales it together.
    `token_budget` bounds the tokens of one pass; it changes memory and speed, not results (up to rounding).

    The model runs in evaluation mode and is left as it was found; `no_grad` and `inference_mode` around the call do no
    harm. Raises AttributionError for an unsupported model, bad arguments, an input that is not right-padded, and
    logits that are not finite (naming the row).
    """
    check_family(model)
    nodes, weights = quadrature(rule, steps)
    _check_arguments(input_ids, attention_mask, token_type_ids, path=path, output=output, token_budget=token_budget)
    _check_target(target, len(input_ids))
    inputs = Inputs(input_ids, attention_mask, token_type_ids)
    budget = token_budget or default_token_budget(input_ids.device)
    groups = group_by_length(inputs.lengths.tolist(), copies=len(nodes), token_budget=budget)
    indices = [torch.tensor(group, device=input_ids.device) for group in groups]

    batch, n = input_ids.shape
    shape = (batch, layer_count(model), head_count(model), n, n)
    scores = torch.zeros(shape, dtype=model.dtype, device=input_ids.device)
    probs = torch.zeros_like(scores)
    logits = torch.zeros(batch, class_count(model), dtype=model.dtype, device=input_ids.device)
    targets = torch.zeros(batch, dtype=torch.long, device=input_ids.device)
    integrate = integrate_layer if path == "layer" else integrate_joint
    with frozen(model), torch.no_grad():
        encoder = describe(model)
        # The longest first: a single token would not tell how the model pools.
        for number, index in enumerate(reversed(indices)):
            prefix = prefix_pass(model, inputs.select(index))
            _check_finite(prefix.logits, index)
            if number == 0:
                check_readout(encoder, prefix)
            m = prefix.inputs.input_ids.shape[1]
            logits[index] = prefix.logits
            targets[index] = _resolve(target, prefix.logits, index)
            probs[index, :, :, :m, :m] = torch.stack(prefix.attention_probs, dim=1)
            chunk = max(1, budget // prefix.inputs.input_ids.numel())
            scores[index, :, :, :m, :m] = integrate(
                encoder, prefix, targets[index], nodes=nodes, weights=weights, output=output, chunk=chunk
            )

    def baseline() -> Tensor:
        evaluate_baseline = layer_baseline if path == "layer" else joint_baseline
        with torch.inference_mode(False), frozen(model):
            encoder = describe(model)
            parts = [
                evaluate_baseline(encoder, prefix_pass(model, inputs.select(index)), targets[index], output=output)
                for index in indices
            ]
        return torch.cat(parts)[torch.cat(indices).argsort()]

    return Attribution(scores, probs, logits, targets, evaluate(logits, targets, output=output), path, baseline)


def _check_arguments(
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None,
    *,
    path: str,
    output: str,
    token_budget: int | None,
) -> None:
    if path not in PATHS:
        raise AttributionError(f"path is {path!r}: it must be one of {', '.join(PATHS)}")
    if output not in OUTPUTS:
        raise AttributionError(f"output is {output!r}: it must be one of {', '.join(OUTPUTS)}")
    if token_budget is not None and token_budget < 1:
        raise AttributionError(f"token_budget is {token_budget}: it must be at least 1")
    if input_ids.ndim != 2 or input_ids.shape[0] == 0:
        raise AttributionError(f"input_ids has shape {tuple(input_ids.shape)}: it must be (batch, n), not empty")
    for name, tensor in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
        if tensor is not None and tensor.shape != input_ids.shape:
            raise AttributionError(f"{name} has shape {tuple(tensor.shape)}, input_ids {tuple(input_ids.shape)}")
    mask = attention_mask.bool()
    if not bool(mask[:, 0].all()) or bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise AttributionError("attention_mask must be ones followed by zeros in every row: pad on the right")


def _check_target(target: Tensor | str, batch: int) -> None:
    if isinstance(target, str):
        if target != "predicted":
            raise AttributionError(f"target is {target!r}: it must be 'predicted' or a tensor of class ids")
    elif target.shape != (batch,) or target.is_floating_point():
        raise AttributionError(
            f"target is a {target.dtype} tensor of shape {tuple(target.shape)}: it must hold {batch} class ids"
        )


def _check_finite(logits: Tensor, index: Tensor) -> None:
    bad = ~logits.isfinite().all(dim=1)
    if bool(bad.any()):
        raise NonFiniteError(sorted(index[bad].tolist()))


def _resolve(target: Tensor | Literal["predicted"], logits: Tensor, index: Tensor) -> Tensor:
    if isinstance(target, str):
        return logits.argmax(dim=1)
    chosen = target.to(index.device)[index]
    if bool(((chosen < 0) | (chosen >= logits.shape[1])).any()):
        raise AttributionError(f"target {chosen.tolist()} is outside the model's {logits.shape[1]} classes")
    return chosen.long()
