"""Self-attention attribution, by the exact identities of docs/method.md."""

import logging
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import class_count, head_count, layer_count
from attattr.batching import TokenBudget, group_by_length, out_of_memory, resolve_token_budget
from attattr.checks import check_differentiable, check_exclusive_classes
from attattr.copies import frozen
from attattr.encoder import Encoder
from attattr.errors import AttributionError, NonFiniteError, as_number
from attattr.families import check_family, describe
from attattr.inputs import Inputs, checked_inputs, class_ids
from attattr.integrate import Integrator, JointPath, LayerPath
from attattr.output import OUTPUTS, Output, evaluate
from attattr.prefix import check_readout, prefix_pass
from attattr.quadrature import Rule, Schedule, schedule

log = logging.getLogger(__name__)

PathName = Literal["layer", "joint"]
PATHS: tuple[str, ...] = get_args(PathName)
Precision = Literal["full", "bfloat16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
Pooling = Literal["sum", "max"]


@dataclass(frozen=True)
class Attribution:
    """Attribution scores of one batch; edge (i, j) means "query i reads key j". Zero at padding.

    `part` is a layer, or for the `joint` path the one part that all layers are.
    """

    attribution: Tensor  # (batch, layer, head, query, key)
    attention_probs: Tensor  # (batch, layer, head, query, key)
    logits: Tensor  # (batch, classes)
    target: Tensor  # (batch,), class ids
    output: Tensor  # (batch,), F of the unchanged model
    baseline_output: Tensor  # (batch, part), F with the attention of the part at zero
    steps: Tensor  # (batch, part), the steps that were taken
    last_change: Tensor  # (batch, part), how far the scores may be off, relative; nan for a fixed number of steps
    unconverged: Tensor  # (batch, part), True where "auto" ended at max_steps, short of its tolerance
    path: PathName

    @property
    def completeness_gap(self) -> Tensor:
        """The attribution's sum minus the change of F that it explains, `(batch, part)`.

        Integrated gradients are complete: with an exact integral the gap is zero.
        """
        total = self.attribution.sum(dim=(2, 3, 4))
        if self.path == "joint":
            total = total.sum(dim=1, keepdim=True)
        return total - (self.output[:, None] - self.baseline_output)

    def head_scores(self, pooling: Pooling = "sum") -> Tensor:
        """One number per head, `(batch, layer, head)`: the sum of its edges' scores, or the largest as in the paper."""
        if pooling == "sum":
            return self.attribution.sum(dim=(3, 4))
        if pooling != "max":
            raise AttributionError(f"pooling is {pooling!r}: it must be sum or max")
        # Padding is zero, which would count for a head that has negative scores only.
        real = self.attention_probs.sum(dim=(1, 2, 4)) > 0
        edges = real[:, None, None, :, None] & real[:, None, None, None, :]
        return self.attribution.masked_fill(~edges, -torch.inf).amax(dim=(3, 4))


def attribute(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    target: Tensor | int | Literal["predicted"],
    steps: int | Literal["auto"] = "auto",
    rule: Rule = "clenshaw_curtis",
    tolerance: float = 0.01,
    max_steps: int = 128,
    path: PathName = "layer",
    output: Output = "probability",
    precision: Precision = "full",
    token_budget: TokenBudget = "auto",
) -> Attribution:
    """Attribution scores of every attention edge: `A * sum_k w_k dF(alpha_k A)/dA` (docs/method.md, "Attribution").

    `model` is a sequence classifier in float32 or float64; `input_ids`, `attention_mask`, `token_type_ids` are a
    right-padded batch `(batch, n)` on its device. `target` is the class that is explained: `(batch,)` ids, one id for
    all, or "predicted".

    `steps` "auto" doubles the steps, for each example and layer, up to 8, and then cuts the path where the error is
    largest, until it is estimated to be at most `tolerance`, relative to the scores' absolute sum, and the completeness
    gap is as small; it ends at `max_steps`. With a number of steps, `tolerance` and `max_steps` have no meaning.

    `path` "layer" scales one layer's attention at a time and recomputes the layers above; "joint" freezes all attention
    and scales it together. `precision` "bfloat16" runs the layers above the scaled attention in that type.
    `token_budget` bounds the tokens of one pass; "auto" takes it from the free memory. It changes memory and speed,
    not results (up to rounding), and is halved where the memory does not suffice.

    A copy that shares the weights runs, in evaluation mode: `model` is not changed, not even meanwhile, so that threads
    may share it. `no_grad` and `inference_mode` around the call do no harm. Raises AttributionError for a model or an
    input that cannot be attributed rightly (one that is wrapped, quantised or under autocast, one that is not
    right-padded or longer than the positions, ...), for bad arguments, and for logits that are not finite (naming the
    row).
    """
    return _attribute(
        model,
        input_ids=input_ids,
        attention_mask=attention_mask,
        token_type_ids=token_type_ids,
        target=target,
        steps=steps,
        rule=rule,
        tolerance=tolerance,
        max_steps=max_steps,
        path=path,
        output=output,
        precision=precision,
        token_budget=token_budget,
        baseline=True,
    )


def gradient_x_attention(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    target: Tensor | int | Literal["predicted"],
    output: Output = "margin",
    token_budget: TokenBudget = "auto",
) -> Attribution:
    """Gradient times attention of every edge: `A * dF/dA` at the unchanged model, by one forward and one backward pass.

    What F loses, to first order, when a single edge is knocked out (docs/method.md, "Which score"); not a share of
    what all edges bring, so that `baseline_output` and `completeness_gap` are nan. The arguments are those of
    `attribute`, and so are the errors; F is the log-odds of the class unless said otherwise.
    """
    return _attribute(
        model,
        input_ids=input_ids,
        attention_mask=attention_mask,
        token_type_ids=token_type_ids,
        target=target,
        steps=1,
        rule="right",
        tolerance=0.01,
        max_steps=128,
        path="layer",
        output=output,
        precision="full",
        token_budget=token_budget,
        baseline=False,
    )


# A caller's inference mode would forbid every gradient, so it is left for the while.
@torch.inference_mode(False)
@torch.no_grad()
def _attribute(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None,
    target: Tensor | int | Literal["predicted"],
    steps: int | Literal["auto"],
    rule: Rule,
    tolerance: float,
    max_steps: int,
    path: PathName,
    output: Output,
    precision: Precision,
    token_budget: TokenBudget,
    baseline: bool,
) -> Attribution:
    """Check what was asked for, and attribute it, group by group; `baseline` as in `Integrator`."""
    check_differentiable(model)
    check_family(model)
    nodes = schedule(rule, steps, max_steps=max_steps)
    _check_choices(path=path, output=output, precision=precision)
    _check_numbers(tolerance=tolerance, token_budget=token_budget)
    if output != "logit":
        check_exclusive_classes(model, what=f"output is {output!r}, take 'logit'")
    inputs = checked_inputs(model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
    targets = _targets(target, model, batch=len(input_ids))
    budget = resolve_token_budget(token_budget, model, n=input_ids.shape[1])
    integrator = Integrator(
        schedule=nodes,
        output=output,
        tolerance=tolerance,
        token_budget=budget,
        precision=torch.bfloat16 if precision == "bfloat16" else None,
        baseline=baseline,
    )
    result = _empty(model, inputs, path)
    own = frozen(model)
    encoder = describe(own)
    # The longest first: a single token would not tell how the model pools.
    waiting = _groups(inputs, torch.arange(len(input_ids)), nodes, budget)
    checked = False
    while waiting:
        group = waiting.pop()
        index = group.to(input_ids.device)
        try:
            _attribute_group(own, encoder, inputs.select(index), index, targets, integrator, result, checked)
            checked = True
            continue
        except RuntimeError as error:
            if not out_of_memory(error) or (len(index) == 1 and budget <= int(inputs.lengths[index])):
                raise
        # After the handler, as its exception keeps the failed pass's tensors alive.
        budget = max(1, budget // 2)
        log.warning("out of memory: the token budget is halved to %d", budget)
        integrator = replace(integrator, token_budget=budget)
        waiting = _groups(inputs, torch.cat([*waiting, group]), nodes, budget)
    return result


def _groups(inputs: Inputs, index: Tensor, nodes: Schedule, token_budget: int) -> list[Tensor]:
    """The examples `index` in groups of similar length, the shortest first."""
    lengths = inputs.lengths[index.to(inputs.lengths.device)].tolist()
    # As many copies of an example as its first estimate needs.
    groups = group_by_length(lengths, copies=nodes.counts[0], token_budget=token_budget)
    return [index[group] for group in groups]


def _empty(model: PreTrainedModel, inputs: Inputs, path: PathName) -> Attribution:
    """A result of zeros, to be filled group by group."""
    (batch, n), device, dtype = inputs.input_ids.shape, inputs.input_ids.device, model.dtype
    parts = layer_count(model) if path == "layer" else 1
    scores = torch.zeros((batch, layer_count(model), head_count(model), n, n), dtype=dtype, device=device)
    return Attribution(
        attribution=scores,
        attention_probs=torch.zeros_like(scores),
        logits=torch.zeros(batch, class_count(model), dtype=dtype, device=device),
        target=torch.zeros(batch, dtype=torch.long, device=device),
        output=torch.zeros(batch, dtype=dtype, device=device),
        baseline_output=torch.zeros(batch, parts, dtype=dtype, device=device),
        steps=torch.zeros(batch, parts, dtype=torch.long, device=device),
        last_change=torch.zeros(batch, parts, dtype=dtype, device=device),
        unconverged=torch.zeros(batch, parts, dtype=torch.bool, device=device),
        path=path,
    )


def _attribute_group(
    model: PreTrainedModel,
    encoder: Encoder,
    inputs: Inputs,
    index: Tensor,
    targets: Tensor | None,
    integrator: Integrator,
    result: Attribution,
    checked: bool,
) -> None:
    """Attribute `inputs`, the examples `index` of the batch, and write them into `result`."""
    layers, n = len(encoder.layers), inputs.input_ids.shape[1]
    # One backward pass through the unchanged model serves the last node of every layer.
    end = result.path == "layer" and bool((integrator.schedule.nodes == 1).any())
    with torch.set_grad_enabled(end):
        prefix = prefix_pass(model, inputs)
        _check_logits(prefix.logits, index, classes=class_count(model))
        target = prefix.logits.argmax(dim=1) if targets is None else targets[index]
        output = evaluate(prefix.logits, target, output=integrator.output)
        gradients = torch.autograd.grad(output.sum(), prefix.context) if end else [None] * layers
    prefix, output = prefix.detached(), output.detach()
    if not checked:
        check_readout(encoder, prefix)
    if result.path == "layer":
        paths = [LayerPath(encoder, prefix, layer, gradients[layer]) for layer in range(layers)]
    else:
        paths = [JointPath(encoder, prefix)]
    result.logits[index], result.target[index], result.output[index] = prefix.logits, target, output
    result.attention_probs[index, :, :, :n, :n] = torch.stack(prefix.attention_probs, dim=1)
    for part, path in enumerate(paths):
        integral = integrator(path, prefix, target, output)
        where = part if result.path == "layer" else slice(None)
        result.attribution[index, where, :, :n, :n] = integral.attribution
        result.baseline_output[index, part] = integral.baseline
        result.steps[index, part] = integral.steps
        result.last_change[index, part] = integral.last_change
        result.unconverged[index, part] = integral.unconverged


def _check_choices(*, path: str, output: str, precision: str) -> None:
    for name, value, allowed in (
        ("path", path, PATHS),
        ("output", output, OUTPUTS),
        ("precision", precision, PRECISIONS),
    ):
        if value not in allowed:
            raise AttributionError(f"{name} is {value!r}: it must be one of {', '.join(allowed)}")


def _check_numbers(*, tolerance: float, token_budget: int | str) -> None:
    if not 0 < as_number(tolerance) < 1:
        raise AttributionError(f"tolerance is {tolerance!r}: it must be above 0 and below 1")
    if token_budget != "auto" and (type(token_budget) is not int or token_budget < 1):
        raise AttributionError(f"token_budget is {token_budget!r}: it must be 'auto' or a whole number of at least 1")


def _check_logits(logits: Tensor, index: Tensor, *, classes: int) -> None:
    if logits.shape[1] != classes:
        raise AttributionError(f"config.num_labels is {classes}, but the model gives {logits.shape[1]} logits: mend it")
    bad = ~logits.isfinite().all(dim=1)
    if bool(bad.any()):
        raise NonFiniteError(sorted(index[bad].tolist()))


def _targets(target: Tensor | int | str, model: PreTrainedModel, *, batch: int) -> Tensor | None:
    """The class of every example, `(batch,)`, or None for the predicted one."""
    if isinstance(target, str) and target == "predicted":
        return None
    if isinstance(target, str):
        raise AttributionError(f"target is {target!r}: it must be 'predicted', a class id or a tensor of class ids")
    return class_ids(target, name="target", batch=batch, classes=class_count(model), device=model.device)
