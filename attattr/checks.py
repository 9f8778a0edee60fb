"""What a model must be, so that its attention can be masked and its gradients mean what they say."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.errors import AttributionError

TYPES = (torch.float32, torch.float64)
# Of buffers: positions, masks, rotations. Other whole numbers are packed weights.
BUFFER_TYPES = (*TYPES, torch.float16, torch.bfloat16, torch.int64, torch.bool)
# Where a wrapper keeps the model that it wraps: parallel and sharded ones, torch.compile, adapters.
INSIDE = ("module", "_orig_mod", "model", "base_model")


def check_unwrapped(model: nn.Module) -> None:
    """Raise AttributionError unless `model` is a transformers model itself: a wrapper keeps hooks and masks away."""
    if isinstance(model, PreTrainedModel):
        return
    name = type(model).__name__
    if hasattr(model, "merge_and_unload"):
        raise AttributionError(f"the model is wrapped in a {name}: pass what its merge_and_unload() returns")
    for inside in INSIDE:
        if isinstance(getattr(model, inside, None), PreTrainedModel):
            raise AttributionError(f"the model is wrapped in a {name}: pass its .{inside}")
    raise AttributionError(f"the model is a {name}, no transformers model: load AutoModelForSequenceClassification")


def check_differentiable(model: PreTrainedModel) -> None:
    """Raise AttributionError unless gradients through `model` are those of its own weights, in full precision.

    The model must be unwrapped, unquantised, on one device, in one float type of at least 32 bits, without backward
    hooks and not under autocast.
    """
    check_unwrapped(model)
    if getattr(model.config, "quantization_config", None) is not None:
        raise AttributionError("the model is quantised (config.quantization_config): load the unquantised weights")
    for name, module in model.named_modules():
        kind = type(module)
        if kind.__module__.startswith(("torch.ao.", "torchao.", "bitsandbytes.")):
            raise AttributionError(f"{name} is a quantised {kind.__name__}: load the unquantised weights")
        if module._backward_hooks or module._backward_pre_hooks:
            raise AttributionError(f"{name or 'the model'} has a backward hook, which can change gradients: remove it")
    _check_devices(model)
    for name, buffer in model.named_buffers():
        if buffer.dtype not in BUFFER_TYPES:
            raise AttributionError(f"{name} holds {buffer.dtype}, packed weights: load the unquantised ones")
    for name, weight in model.named_parameters():
        _check_weight(name, weight)
    types = sorted({str(weight.dtype) for weight in model.parameters()})
    if len(types) > 1:
        raise AttributionError(f"the model's weights are of several types, {', '.join(types)}: call model.float()")
    if torch.is_autocast_enabled(model.device.type):
        raise AttributionError(
            f"autocast is on ({torch.get_autocast_dtype(model.device.type)}): call from outside of it, or inside "
            f"torch.autocast({model.device.type!r}, enabled=False)"
        )


def _check_devices(model: nn.Module) -> None:
    devices = sorted({str(tensor.device) for tensor in (*model.parameters(), *model.buffers())})
    if "meta" in devices:
        raise AttributionError("the model has weights on the meta device, without values: load it without offloading")
    if len(devices) > 1:
        raise AttributionError(f"the model is spread over {', '.join(devices)}: move it to one device, model.to(...)")


def _check_weight(name: str, weight: Tensor) -> None:
    kind = type(weight)
    if kind is not nn.Parameter or not weight.is_floating_point():
        raise AttributionError(
            f"{name} is a {kind.__name__} of {weight.dtype}, sharded or quantised: load plain float32 weights"
        )
    if weight.dtype not in TYPES:
        raise AttributionError(
            f"{name} is of {weight.dtype}, whose rounding exceeds the stated error: load the model with "
            "dtype=torch.float32 (attribute has precision='bfloat16' for speed)"
        )
    if weight.is_inference():
        raise AttributionError(
            f"{name} was made under torch.inference_mode and can have no gradient: load the model outside of it"
        )


def check_exclusive_classes(model: PreTrainedModel, *, what: str) -> None:
    """Raise AttributionError unless the model's outputs are classes that exclude each other, as `what` supposes."""
    count, problem = model.config.num_labels or 0, model.config.problem_type
    if count < 2:
        raise AttributionError(f"the model has {count} output, hence no classes: {what}")
    if problem in ("regression", "multi_label_classification"):
        raise AttributionError(f"the model's outputs are no classes of which one is right ({problem}): {what}")


def check_tensor(name: str, value: object, *, shape: str) -> None:
    """Raise AttributionError unless `value` is a tensor."""
    if not isinstance(value, Tensor):
        raise AttributionError(f"{name} is a {type(value).__name__}: it must be a tensor, {shape}")
