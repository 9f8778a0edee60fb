"""The attribution of a batch, group by group: examples of similar length, as many as the memory allows."""

import logging
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import class_count
from attattr.batching import group_by_length, out_of_memory
from attattr.copies import frozen
from attattr.errors import AttributionError, NonFiniteError
from attattr.families import describe
from attattr.inputs import Inputs
from attattr.integrate import Integrator
from attattr.output import evaluate
from attattr.paths import JointPath, LayerPath, PathName
from attattr.prefix import check_readout, prefix_pass

log = logging.getLogger(__name__)


def attributed(
    model: PreTrainedModel, inputs: Inputs, targets: Tensor | None, *, path: PathName, integrator: Integrator
) -> dict[str, Tensor]:
    """The tensors of the batch's `Attribution`, by name. `targets` are `(batch,)`, or None for the predicted classes.

    Where the memory does not suffice the integrator's token budget is halved, for the group and for those that wait.
    """
    batch = _Batch(model, inputs, targets, path)
    # The longest first: a single token would not tell how the model pools.
    waiting = batch.groups(torch.arange(len(inputs.input_ids)), integrator)
    while waiting:
        group = waiting.pop()
        index = group.to(inputs.input_ids.device)
        budget = integrator.token_budget
        try:
            batch.attribute(index, integrator)
            continue
        except RuntimeError as error:
            if not out_of_memory(error) or (len(index) == 1 and budget <= int(inputs.lengths[index])):
                raise
        # After the handler, as its exception keeps the failed pass's tensors alive.
        integrator = replace(integrator, token_budget=max(1, budget // 2))
        log.warning("out of memory: the token budget is halved to %d", integrator.token_budget)
        waiting = batch.groups(torch.cat([*waiting, group]), integrator)
    # The joint path's one part is all layers.
    return batch.values | {"attribution": batch.values["attribution"].flatten(1, -4)}


class _Batch:
    """A batch, and the values found so far: zeros where an example is padded, or still waits."""

    def __init__(self, model: PreTrainedModel, inputs: Inputs, targets: Tensor | None, path: PathName) -> None:
        self.model, self.inputs, self.targets, self.path = frozen(model), inputs, targets, path
        self.encoder = describe(self.model)
        self.parts = len(self.encoder.layers) if path == "layer" else 1
        self.values: dict[str, Tensor] = {}

    def groups(self, index: Tensor, integrator: Integrator) -> list[Tensor]:
        """The examples `index` in groups of similar length, the shortest first."""
        lengths = self.inputs.lengths[index.to(self.inputs.lengths.device)].tolist()
        # As many copies of an example as its first estimate needs.
        copies, budget = integrator.schedule.counts[0], integrator.token_budget
        return [index[group] for group in group_by_length(lengths, copies=copies, token_budget=budget)]

    def attribute(self, index: Tensor, integrator: Integrator) -> None:
        """Attribute the examples `index`."""
        inputs, layers = self.inputs.select(index), len(self.encoder.layers)
        # One backward pass through the unchanged model serves the last node of every layer.
        end = self.path == "layer" and bool((integrator.schedule.nodes == 1).any())
        with torch.set_grad_enabled(end):
            prefix = prefix_pass(self.model, inputs)
            _check_logits(prefix.logits, index, classes=class_count(self.model))
            target = prefix.logits.argmax(dim=1) if self.targets is None else self.targets[index]
            output = evaluate(prefix.logits, target, output=integrator.output)
            gradients = torch.autograd.grad(output.sum(), prefix.context) if end else [None] * layers
        prefix, output = prefix.detached(), output.detach()
        if not self.values:
            check_readout(self.encoder, prefix)
        if self.path == "layer":
            paths = [LayerPath(self.encoder, prefix, layer, gradients[layer]) for layer in range(layers)]
        else:
            paths = [JointPath(self.encoder, prefix)]
        self._put(index, logits=prefix.logits, target=target, output=output)
        self._put(index, attention_probs=torch.stack(prefix.attention_probs, dim=1))
        for part, path in enumerate(paths):
            self._put((index, part), **vars(integrator(path, prefix, target, output)))

    def _put(self, place: Tensor | tuple[Tensor, int], **values: Tensor) -> None:
        """Keep values of some examples, or of one part of each; their last two dimensions may be queries and keys."""
        batch, n = self.inputs.input_ids.shape
        for name, value in values.items():
            sizes = value.shape[1:]
            if name not in self.values:
                whole = (*sizes[:-2], n, n) if len(sizes) > 2 else sizes
                parts = (self.parts,) if isinstance(place, tuple) else ()
                self.values[name] = value.new_zeros((batch, *parts, *whole))
            at = place if isinstance(place, tuple) else (place,)
            self.values[name][(*at, *map(slice, sizes))] = value


def _check_logits(logits: Tensor, index: Tensor, *, classes: int) -> None:
    if logits.shape[1] != classes:
        raise AttributionError(f"config.num_labels is {classes}, but the model gives {logits.shape[1]} logits: mend it")
    bad = ~logits.isfinite().all(dim=1)
    if bool(bad.any()):
        raise NonFiniteError(sorted(index[bad].tolist()))
