"""The path integrals over one group of examples (docs/method.md, "Exact identities" and "A stated error")."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.attattr.encoder import Encoder
from pipeline.attattr.output import Output, evaluate
from pipeline.attattr.prefix import Prefix
from pipeline.attattr.quadrature import Schedule

# In the unit of F. Where scores are smaller than this altogether, errors are compared with it instead.
FLOOR = 1e-4


class AttentionPath(Protocol):
    """What is scaled: the attention of one layer, or of all."""

    end: bool  # whether `assemble` knows the gradient at alpha = 1, so that it need not be evaluated

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """`(steps * examples, classes)`, with `scaled` as the path's variable."""
        ...

    def start(self, examples: Tensor) -> Tensor:
        """The path's variable at alpha = 1, `(examples, ...)`; it is linear in alpha."""
        ...

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """Scores `(examples, ..., head, query, key)` from the weighted sum of gradients at `start`'s variable."""
        ...


class LayerPath:
    """The attention of one layer is scaled, and the layers above are computed anew.

    Scaling the attention scales the projected context, which is the variable: a step needs neither query, key, value
    nor an n x n product here. The gradients of all steps are summed before the one product with the values.
    `end_gradient` is dF/dcontext of the unchanged model, `(batch, n, head * width)`.
    """

    def __init__(self, encoder: Encoder, prefix: Prefix, layer: int, end_gradient: Tensor | None) -> None:
        self.encoder, self.layer, self.part = encoder, layer, encoder.layers[layer]
        self.rows, self.key_mask = encoder.rows(layer), prefix.inputs.key_mask()
        self.residual = prefix.hidden[layer][:, self.rows]
        self.projected = self.part.project(prefix.context[layer][:, self.rows])
        self.probs, self.value = prefix.attention_probs[layer], prefix.value[layer]
        self.end_gradient = None if end_gradient is None else end_gradient[:, self.rows]
        self.end = end_gradient is not None

    def start(self, examples: Tensor) -> Tensor:
        """The projected context, `(examples, rows, hidden)`."""
        return self.projected[examples]

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """The layer is finished and those above run."""
        hidden = self.part.finish(scaled, self.residual[examples]).flatten(0, 1)
        if self.layer == len(self.encoder.layers) - 1:
            return self.encoder.readout(hidden)
        mask = None if self.key_mask is None else self.key_mask[examples].repeat(len(scaled), 1, 1, 1)
        return self.encoder.forward_from(self.layer + 1, hidden, key_mask=mask)

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """`(examples, head, query, key)`: the late product with the values."""
        gradient = total @ self.part.output_weight
        if self.end_gradient is not None:
            gradient = gradient + end_weight * self.end_gradient[examples]
        probs = self.probs[examples]
        scores = torch.zeros_like(probs)
        scores[:, :, self.rows] = probs[:, :, self.rows] * (
            self.part.split_heads(gradient) @ self.value[examples].transpose(-1, -2)
        )
        return scores


class JointPath:
    """The attention of all layers is frozen and scaled together; it is the variable, flattened."""

    end = False

    def __init__(self, encoder: Encoder, prefix: Prefix) -> None:
        self.encoder, self.hidden, self.full = encoder, prefix.hidden[0], prefix.attention_probs
        self.probs = [p[:, :, encoder.rows(layer)] for layer, p in enumerate(self.full)]
        self.sizes = [p[0].numel() for p in self.probs]

    def start(self, examples: Tensor) -> Tensor:
        """`(examples, edges)`."""
        return torch.cat([p[examples].flatten(1) for p in self.probs], dim=1)

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """All layers with their attention given."""
        hidden = self.hidden[examples].repeat(len(scaled), 1, 1)
        for layer, part in enumerate(self.encoder.layers):
            probs = self._layer(scaled.flatten(0, 1), layer)
            context = (probs @ part.value(hidden)).transpose(1, 2).flatten(2)
            hidden = part.finish(part.project(context), hidden[:, self.encoder.rows(layer)])
        return self.encoder.readout(hidden)

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """`(examples, layer, head, query, key)`."""
        scores = torch.stack([torch.zeros_like(p[examples]) for p in self.full], dim=1)
        for layer, p in enumerate(self.probs):
            scores[:, layer, :, self.encoder.rows(layer)] = p[examples] * self._layer(total, layer)
        return scores

    def _layer(self, edges: Tensor, layer: int) -> Tensor:
        return edges.split(self.sizes, dim=1)[layer].unflatten(1, self.probs[layer].shape[1:])


@dataclass(frozen=True)
class Integral:
    """Scores, and what is known of their error."""

    attribution: Tensor  # (batch, ..., head, query, key)
    baseline: Tensor  # F with the attention at zero, (batch,)
    steps: Tensor  # (batch,)
    last_change: Tensor  # between the last two estimates, relative; nan where there was only one, (batch,)
    unconverged: Tensor  # (batch,), bool


@dataclass(frozen=True)
class Integrator:
    """The integral along a path, by a schedule of nodes."""

    schedule: Schedule
    output: Output
    tolerance: float
    token_budget: int
    precision: torch.dtype | None  # of the layers above the scaled attention; None: the model's own

    def __call__(self, path: AttentionPath, prefix: Prefix, target: Tensor, output: Tensor) -> Integral:
        """Refine the estimate of each example until it has converged or the schedule ends.

        `output` is F of the unchanged model, `(batch,)`. All levels' weighted sums of gradients grow at once,
        so that memory does not grow with the number of nodes.
        """
        batch, nodes, weights = len(target), self.schedule.nodes, self.schedule.weights
        active = torch.arange(batch, device=target.device)
        totals = torch.stack([torch.zeros_like(path.start(active))] * len(weights))
        at_zero = int((nodes[: self.schedule.counts[0]] == 0).nonzero()[0]) if bool((nodes == 0).any()) else None
        baseline = self._baseline(path, active, target) if at_zero is None else torch.zeros_like(output)
        steps = torch.zeros(batch, dtype=torch.long, device=target.device)
        last_change = torch.full_like(output, torch.nan)
        unconverged = torch.zeros_like(steps, dtype=torch.bool)
        results: list[tuple[Tensor, Tensor]] = []
        previous: Tensor | None = None
        done = 0
        for level, count in enumerate(self.schedule.counts):
            fresh = [place for place in range(done, count) if not (path.end and nodes[place] == 1)]
            chunk = max(1, self.token_budget // (len(active) * prefix.inputs.input_ids.shape[1]))
            for start in range(0, len(fresh), chunk):
                places = torch.tensor(fresh[start : start + chunk])
                f, gradients = self._gradients(path, active, nodes[places], target[active])
                if level == 0 and at_zero in places.tolist():
                    baseline = f[places.tolist().index(at_zero)]
                share = weights[level:, places].to(gradients)
                totals[level:] += torch.einsum("ls,sb...->lb...", share, gradients)
            done = count
            at_end = weights[level, :count][nodes[:count] == 1].sum().to(totals)
            estimate = path.assemble(active, totals[level], at_end)
            steps[active] = self.schedule.steps[level]
            finished = torch.full_like(active, level == len(weights) - 1, dtype=torch.bool)
            if previous is not None:
                change, error = self._errors(estimate, previous, (output - baseline)[active])
                last_change[active] = change
                converged = (change <= self.tolerance) & (error <= self.tolerance)
                unconverged[active] = finished & ~converged
                finished = finished | converged
            if bool(finished.any()):
                results.append((active[finished], estimate[finished]))
            active, previous, totals = active[~finished], estimate[~finished], totals[:, ~finished]
            if len(active) == 0:
                break
        order = torch.cat([index for index, _ in results]).argsort()
        attribution = torch.cat([scores for _, scores in results])[order]
        return Integral(attribution, baseline, steps, last_change, unconverged)

    def _gradients(
        self, path: AttentionPath, examples: Tensor, alphas: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """F at every alpha, `(steps, examples)`, and its gradient, `(steps, examples, ...)`."""
        start = path.start(examples)
        alphas = alphas.to(start).view(-1, *[1] * start.ndim)
        scaled = (alphas * start).requires_grad_()
        with torch.enable_grad():
            f = self._evaluate(path, examples, scaled, target)
            total = f.sum()
        return f.detach().unflatten(0, (len(scaled), -1)), torch.autograd.grad(total, scaled)[0]

    def _evaluate(self, path: AttentionPath, examples: Tensor, scaled: Tensor, target: Tensor) -> Tensor:
        with torch.autocast(scaled.device.type, self.precision, enabled=self.precision is not None):
            logits = path.logits(examples, scaled)
        return evaluate(logits.to(scaled), target.repeat(len(scaled)), output=self.output)

    @torch.no_grad()
    def _baseline(self, path: AttentionPath, examples: Tensor, target: Tensor) -> Tensor:
        return self._evaluate(path, examples, torch.zeros_like(path.start(examples))[None], target)

    @staticmethod
    def _errors(estimate: Tensor, previous: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
        """The change from the previous estimate, and the completeness gap, relative to the scores' absolute sum."""
        size = estimate.flatten(1).abs().sum(dim=1).clamp(min=FLOOR)
        change = (estimate - previous).flatten(1).abs().sum(dim=1)
        gap = (estimate.flatten(1).sum(dim=1) - difference).abs()
        return change / size, gap / size
