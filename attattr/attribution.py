"""Self-attention attribution, by the exact identities of docs/method.md."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import class_count
from attattr.batching import TokenBudget, resolve_token_budget
from attattr.checks import check_differentiable, check_exclusive_classes
from attattr.errors import AttributionError, as_number
from attattr.families import check_family
from attattr.groups import attributed
from attattr.inputs import checked_inputs, class_ids
from attattr.integrate import Integral, Integrator
from attattr.output import OUTPUTS, Output
from attattr.paths import PATHS, PathName
from attattr.quadrature import Rule, schedule

Precision = Literal["full", "bfloat16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
Pooling = Literal["sum", "max"]


@dataclass(frozen=True)
class Attribution(Integral):
    """Attribution scores of one batch; edge (i, j) means "query i reads key j". Zero at padding.

    `attribution` is `(batch, layer, head, query, key)`. `part` is a layer, or for the `joint` path the one part that
    all layers are.
    """

    attention_probs: Tensor  # (batch, layer, head, query, key)
    logits: Tensor  # (batch, classes)
    target: Tensor  # (batch,), class ids
    output: Tensor  # (batch,), F of the unchanged model
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
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
    settings = _Settings(steps, rule, output, token_budget, tolerance, max_steps, path, precision)
    return _attribute(model, inputs, target, settings)


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
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
    return _attribute(model, inputs, target, _Settings(1, "right", output, token_budget, baseline=False))


@dataclass(frozen=True)
class _Settings:
    """How scores are computed: arguments of `attribute`, and `baseline` as in `Integrator`."""

    steps: int | Literal["auto"]
    rule: Rule
    output: Output
    token_budget: TokenBudget
    tolerance: float = 0.01
    max_steps: int = 128
    path: PathName = "layer"
    precision: Precision = "full"
    baseline: bool = True


# A caller's inference mode would forbid every gradient, so it is left for the while.
@torch.inference_mode(False)
@torch.no_grad()
def _attribute(
    model: PreTrainedModel,
    given: dict[str, Tensor | None],
    target: Tensor | int | Literal["predicted"],
    settings: _Settings,
) -> Attribution:
    """Check what was asked for, and attribute it."""
    check_differentiable(model)
    check_family(model)
    nodes = schedule(settings.rule, settings.steps, max_steps=settings.max_steps)
    _check_choices(settings)
    _check_numbers(settings)
    if settings.output != "logit":
        check_exclusive_classes(model, what=f"output is {settings.output!r}, take 'logit'")
    inputs = checked_inputs(model, **given)  # type: ignore[arg-type]
    batch, n = inputs.input_ids.shape
    integrator = Integrator(
        schedule=nodes,
        output=settings.output,
        tolerance=settings.tolerance,
        token_budget=resolve_token_budget(settings.token_budget, model, n=n),
        precision=torch.bfloat16 if settings.precision == "bfloat16" else None,
        baseline=settings.baseline,
    )
    targets = _targets(target, model, batch=batch)
    values = attributed(model, inputs, targets, path=settings.path, integrator=integrator)
    return Attribution(**values, path=settings.path)


def _check_choices(settings: _Settings) -> None:
    for name, allowed in (("path", PATHS), ("output", OUTPUTS), ("precision", PRECISIONS)):
        if (value := getattr(settings, name)) not in allowed:
            raise AttributionError(f"{name} is {value!r}: it must be one of {', '.join(allowed)}")


def _check_numbers(settings: _Settings) -> None:
    tolerance, budget = settings.tolerance, settings.token_budget
    if not 0 < as_number(tolerance) < 1:
        raise AttributionError(f"tolerance is {tolerance!r}: it must be above 0 and below 1")
    if budget != "auto" and (type(budget) is not int or budget < 1):
        raise AttributionError(f"token_budget is {budget!r}: it must be 'auto' or a whole number of at least 1")


def _targets(target: Tensor | int | str, model: PreTrainedModel, *, batch: int) -> Tensor | None:
    """The class of every example, `(batch,)`, or None for the predicted one."""
    if isinstance(target, str) and target == "predicted":
        return None
    if isinstance(target, str):
        raise AttributionError(f"target is {target!r}: it must be 'predicted', a class id or a tensor of class ids")
    return class_ids(target, name="target", batch=batch, classes=class_count(model), device=model.device)
