"""Hooks into a model's attention: one registered attention function, two users (recording and head masks)."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from attattr.checks import check_tensor, check_unwrapped
from attattr.copies import own_copy
from attattr.errors import AttributionError

# (layer, module, query, key, value, attention_mask, scaling) -> context (batch, query, head, width)
Handler = Callable[[int, nn.Module, Tensor, Tensor, Tensor, Tensor | None, float], Tensor]

_running: ContextVar["_Pass"] = ContextVar("attention_pass")  # what this thread runs


class _Pass:
    """Counts the attention calls of one forward pass, so that layers are numbered for every family."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.calls = handler, 0

    def begin(self) -> None:
        """Be what runs, until `_finish`."""
        self.outer = _running.set(self)  # a hook may run a pass inside of another

    def __call__(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        **_: object,
    ) -> tuple[Tensor, None]:
        layer, self.calls = self.calls, self.calls + 1
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return self.handler(layer, module, query, key, value, attention_mask, scale), None


def _dispatch(module: nn.Module, *args: Tensor, **kwargs: object) -> tuple[Tensor, None]:
    return _running.get()(module, *args, **kwargs)  # type: ignore[arg-type]


# Both interfaces need the name: without a mask function the mask arrives as None and padding is attended.
_NAMES = {"eager": "attattr_eager", "sdpa": "attattr_sdpa"}
for _implementation, _mask in (("eager", eager_mask), ("sdpa", sdpa_mask)):
    AttentionInterface.register(_NAMES[_implementation], _dispatch)
    AttentionMaskInterface.register(_NAMES[_implementation], _mask)


def class_count(model: PreTrainedModel) -> int:
    """Number of classes, from the model's config."""
    return model.config.num_labels or 0


def layer_count(model: PreTrainedModel) -> int:
    """Number of attention layers, from the model's config; a layer that is applied several times counts as often."""
    return model.config.num_hidden_layers * getattr(model.config, "inner_group_num", 1)


def head_count(model: PreTrainedModel) -> int:
    """Number of heads per layer, from the model's config."""
    return model.config.num_attention_heads


def _own_implementation(model: PreTrainedModel) -> str:
    """The attention implementation of a model that is not an intercepted one itself."""
    check_unwrapped(model)
    name = model.config._attn_implementation or "eager"
    if name in _NAMES.values():
        raise AttributionError("the model's attention is masked already: pass the model that was masked")
    return name


def intercepted_attention(model: PreTrainedModel, handler: Handler, *, implementation: str) -> PreTrainedModel:
    """An own copy of `model`, sharing its weights, that sends every attention through `handler`.

    `implementation` ("eager" or "sdpa") names the mask format the handler receives. Raises AttributionError
    from the forward pass if the model did not call attention exactly once per layer: some families ignore
    the attention interface, and silently unmasked or unrecorded layers would be wrong.
    """
    _own_implementation(model)

    def start(module: nn.Module, _args: object) -> None:
        _Pass(handler).begin()
        if any(part.training for part in module.modules()):
            raise AttributionError("the model is in training mode, and masks do without dropout: call model.eval()")

    copy = own_copy(model)
    copy.register_forward_pre_hook(start, prepend=True)
    copy.register_forward_hook(_check_calls)
    copy.register_forward_hook(_finish, always_call=True)
    for module in copy.modules():
        if isinstance(module, PreTrainedModel):
            module.config._attn_implementation_internal = _NAMES[implementation]
    return copy


def _check_calls(model: Any, _args: object, _output: object) -> None:
    running = _running.get()
    if running.calls != layer_count(model):
        raise AttributionError(
            f"{model.config.model_type} called the attention interface {running.calls} times for "
            f"{layer_count(model)} layers: this family cannot be used here"
        )


def _finish(_model: nn.Module, _args: object, _output: object) -> None:
    """Also after an error: what the handler holds is let go."""
    _running.reset(_running.get().outer)


def per_head(x: Tensor, heads: int, *, dim: int = 1) -> Tensor:
    """Keys or values, or their weights, for each of `heads` heads along `dim`, where several heads may share one."""
    return x if x.shape[dim] == heads else x.repeat_interleave(heads // x.shape[dim], dim=dim)


def eager_attention(
    query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float
) -> tuple[Tensor, Tensor]:
    """Softmax attention with its probabilities: `(batch, head, query, width)` and `(batch, head, query, key)`."""
    key, value = per_head(key, query.shape[1]), per_head(value, query.shape[1])
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    attention_probs = scores.softmax(dim=-1)
    return torch.matmul(attention_probs, value), attention_probs


def check_head_mask(model: PreTrainedModel, head_mask: Tensor) -> None:
    """Raise AttributionError unless `head_mask` is `(layer, head)` or `(batch, layer, head)`, and finite."""
    check_tensor("head_mask", head_mask, shape="(layer, head) or (batch, layer, head)")
    shape = (layer_count(model), head_count(model))
    if head_mask.ndim not in (2, 3) or tuple(head_mask.shape[-2:]) != shape:
        raise AttributionError(f"head_mask has shape {tuple(head_mask.shape)}: it must end in (layer, head) = {shape}")
    if not bool(head_mask.isfinite().all()):
        raise AttributionError("head_mask holds values that are not finite: 1 keeps a head, 0 removes it")


def check_kept_heads(model: PreTrainedModel, head_mask: Tensor) -> None:
    """Raise AttributionError unless `head_mask` holds a 1 or a 0 for each `(layer, head)`."""
    check_tensor("head_mask", head_mask, shape="(layer, head)")
    shape = (layer_count(model), head_count(model))
    if tuple(head_mask.shape) != shape or bool(((head_mask != 0) & (head_mask != 1)).any()):
        raise AttributionError(f"head_mask must hold a 1 or a 0 for each of (layer, head) = {shape}")


def masked_heads(model: PreTrainedModel, head_mask: Tensor) -> PreTrainedModel:
    """The model with every head's attention scaled by `head_mask` (1 = keep, 0 = remove).

    An own copy of `model`, which stays as it is: they share the weights, and gradients reach these. `head_mask` is
    `(layer, head)`, or `(batch, layer, head)` for one mask per example of the batch. A mask of ones reproduces the
    unmasked logits bit for bit, as attention runs in the same kernel.

    Raises AttributionError for a mask of the wrong shape or an attention implementation other than eager and sdpa;
    and from the forward pass in training mode.
    """
    implementation = _own_implementation(model)
    check_head_mask(model, head_mask)
    if implementation not in _NAMES:
        raise AttributionError(f"attention implementation {implementation!r}: load the model with 'sdpa' or 'eager'")
    per_example = head_mask if head_mask.ndim == 3 else head_mask[None]

    def handler(
        layer: int, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
    ) -> Tensor:
        if len(per_example) not in (1, len(query)):
            raise AttributionError(f"head_mask holds masks for {len(per_example)} examples, the batch has {len(query)}")
        if implementation == "sdpa":
            kernel = ALL_ATTENTION_FUNCTIONS["sdpa"]
            context, _ = kernel(module, query, key, value, mask, dropout=0.0, scaling=scaling)
        else:
            context = eager_attention(query, key, value, mask, scaling)[0].transpose(1, 2)
        return context * per_example[:, layer, :].to(context)[:, None, :, None]

    return intercepted_attention(model, handler, implementation=implementation)
