"""Hooks into a model's attention: one registered attention function, two users (recording and head masks)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from attattr.checks import check_unwrapped
from attattr.errors import AttributionError, check_tensor

# (layer, module, query, key, value, attention_mask, scaling) -> context (batch, query, head, width)
Handler = Callable[[int, nn.Module, Tensor, Tensor, Tensor, Tensor | None, float], Tensor]

_handler: ContextVar["_Interception"] = ContextVar("attention_handler")


class _Interception:
    """Counts the attention calls of one forward pass, so that layers are numbered for every family."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.calls = 0

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
    return _handler.get()(module, *args, **kwargs)  # type: ignore[arg-type]


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
    """The attention implementation that the model has outside of an interception."""
    check_unwrapped(model)
    name = model.config._attn_implementation or "eager"
    if name in _NAMES.values():
        raise AttributionError("the model's attention is masked already: leave masked_heads or masked_edges first")
    return name


@contextmanager
def intercepted_attention(model: PreTrainedModel, handler: Handler, *, implementation: str) -> Iterator[None]:
    """Send every attention of `model` through `handler` while the context lasts, then restore the model.

    `implementation` ("eager" or "sdpa") names the mask format the handler receives. Raises AttributionError
    from the forward pass if the model did not call attention exactly once per layer: some families ignore
    the attention interface, and silently unmasked or unrecorded layers would be wrong.
    """
    previous = _own_implementation(model)
    interception = _Interception(handler)
    token = _handler.set(interception)

    def start(*_: object) -> None:
        if any(module.training for module in model.modules()):
            raise AttributionError("the model is in training mode, and masks do without dropout: call model.eval()")
        # Not only above: two models may be masked at once, each by its own handler.
        _handler.set(interception)
        interception.calls = 0

    def finish(*_: object) -> None:
        if interception.calls != layer_count(model):
            raise AttributionError(
                f"{model.config.model_type} called the attention interface {interception.calls} times for "
                f"{layer_count(model)} layers: this family cannot be used here"
            )

    hooks = [model.register_forward_pre_hook(start), model.register_forward_hook(finish)]
    try:
        model.set_attn_implementation(_NAMES[implementation])
        yield
    finally:
        model.set_attn_implementation(previous)
        _handler.reset(token)
        for hook in hooks:
            hook.remove()


def eager_attention(
    query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float
) -> tuple[Tensor, Tensor]:
    """Softmax attention with its probabilities: `(batch, head, query, width)` and `(batch, head, query, key)`."""
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


@contextmanager
def masked_heads(model: PreTrainedModel, head_mask: Tensor) -> Iterator[None]:
    """Scale every head's attention by `head_mask` (1 = keep, 0 = remove) while the context lasts.

    `head_mask` is `(layer, head)`, or `(batch, layer, head)` for one mask per example of the batch.
    A mask of ones reproduces the unmasked logits bit for bit, as attention runs in the same kernel.
    Raises AttributionError for a mask of the wrong shape or an attention implementation other than eager and sdpa.
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

    with intercepted_attention(model, handler, implementation=implementation):
        yield
