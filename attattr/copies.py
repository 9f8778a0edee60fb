"""Copies of a model that share its weights, so that nothing which runs changes the caller's model, not even meanwhile.

Flags, hooks, configs and the places of weights are the copy's own; tensors are not copied.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from types import CellType, FunctionType, MethodType, NoneType
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

# What needs no copy, the most frequent values by far.
_PLAIN = frozenset({NoneType, bool, int, float, str, Tensor, nn.Parameter, torch.dtype, torch.device})
# A module that is compiled in place runs as it is written: its compiled call is bound to the original.
_COMPILED = "_compiled_call_impl"
# By the id of an original its copy.
_Copies = dict[int, Any]


def own_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A model of the same parameters and buffers, but with modules, hooks and configs of its own.

    A module that occurs several times stays one, as do tied weights. What is bound to a module of the model, as methods
    and functions set on it or hooked to it often are, is bound to that module's copy.
    """
    modules = list(model.modules())
    # `object`: a class may make more than an instance in its own `__new__`.
    copies: _Copies = {id(module): object.__new__(type(module)) for module in modules}
    for module in modules:
        # Copied in one step: meanwhile another thread's forward pass may set an attribute.
        own = vars(module).copy()
        for name, value in own.items():
            if type(value) not in _PLAIN:
                own[name] = _copied(value, copies)
        own.pop(_COMPILED, None)
        vars(copies[id(module)]).update(own)
    return copies[id(model)]


def frozen(model: PreTrainedModel) -> PreTrainedModel:
    """An own copy of the model in evaluation mode, whose parameters take no gradients."""
    copy = own_copy(model)
    if any(module.training for module in copy.modules()):
        copy.eval()
    replace_weights(copy, lambda weight: nn.Parameter(weight.detach(), False) if weight.requires_grad else weight)
    return copy


def replace_weights(model: nn.Module, replacement: Callable[[nn.Parameter], nn.Parameter]) -> None:
    """Put `replacement(weight)` in the place of every weight of the model, the same one where weights are tied."""
    made: dict[nn.Parameter, nn.Parameter] = {}
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                if weight not in made:
                    made[weight] = replacement(weight)
                module._parameters[name] = made[weight]


def _copied(value: Any, copies: _Copies) -> Any:
    """A module's attribute as its copy has it: containers are its own, all else as in `_rebound`."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict or kind is OrderedDict:
        own = value.copy() if value else kind()  # most are empty
        for key, entry in own.items():
            own[key] = _copied(entry, copies)
        return own
    if kind in (list, tuple):
        return kind(_copied(entry, copies) for entry in value)
    return value.copy() if kind is set else _rebound(value, copies)


def _rebound(value: Any, copies: _Copies) -> Any:
    """The copy of a module or config of the model; what refers to one, referring to the copy; all else as it is."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, PretrainedConfig):
        copies[id(value)] = copy = object.__new__(type(value))
        vars(copy).update({name: _copied(entry, copies) for name, entry in vars(value).items()})
        return copy
    if isinstance(value, MethodType):
        owner = _rebound(value.__self__, copies)
        return value if owner is value.__self__ else MethodType(value.__func__, owner)
    if type(value) is partial:
        keywords = {name: _rebound(entry, copies) for name, entry in value.keywords.items()}
        return partial(_rebound(value.func, copies), *(_rebound(entry, copies) for entry in value.args), **keywords)
    if isinstance(value, FunctionType):
        return _rebound_function(value, copies)
    return value


def _rebound_function(function: FunctionType, copies: _Copies) -> Any:
    """A function whose closure or default values refer to the model's modules, and otherwise the function itself."""
    # What torch.compile gives for a function; compiled anew for every copy, it would be slow.
    if (plain := vars(function).get("_torchdynamo_orig_callable")) is not None:
        return _rebound(plain, copies)
    copies[id(function)] = function  # in case that it refers to itself
    # Containers in a closure are the caller's own, in which hooks collect what they see.
    cells = tuple(_rebound_cell(cell, copies) for cell in function.__closure__ or ())
    defaults = tuple(_rebound(value, copies) for value in function.__defaults__ or ())
    keywords = {name: _rebound(value, copies) for name, value in (function.__kwdefaults__ or {}).items()}
    before = (*(function.__closure__ or ()), *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if all(new is old for new, old in zip((*cells, *defaults, *keywords.values()), before, strict=True)):
        return function
    result = FunctionType(function.__code__, function.__globals__, function.__name__, defaults or None, cells or None)
    result.__kwdefaults__ = keywords or None
    vars(result).update(vars(function))
    copies[id(function)] = result
    return result


def _rebound_cell(cell: CellType, copies: _Copies) -> CellType:
    try:
        content = cell.cell_contents
    except ValueError:  # of a name that has no value yet
        return cell
    found = _rebound(content, copies)
    return cell if found is content else CellType(found)
