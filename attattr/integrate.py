"""The path integrals over one group of examples (docs/method.md, "Exact identities" and "A stated error")."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from attattr.encoder import Encoder
from attattr.output import Output, evaluate
from attattr.prefix import Prefix
from attattr.quadrature import Schedule
from attattr.refine import FLOOR, NODES, Integrand, Panels, Refined, refine


class AttentionPath(Protocol):
    """What is scaled: the attention of one layer, or of all."""

    end: bool  # whether `assemble` knows the gradient at alpha = 1, so that it need not be evaluated

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """`(examples, classes)`, with `scaled` as the path's variable. `examples` may name one several times."""
        ...

    def start(self, examples: Tensor) -> Tensor:
        """The path's variable at alpha = 1, `(examples, ...)`; it is linear in alpha."""
        ...

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """Scores `(examples, ..., head, query, key)` from the weighted sum of gradients at `start`'s variable.

        `end_weight`, `(examples,)`, is the weight of alpha = 1, which `total` lacks where the path knows it (`end`).
        """
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
        hidden = self.part.finish(scaled, self.residual[examples])
        if self.layer == len(self.encoder.layers) - 1:
            return self.encoder.readout(hidden)
        mask = None if self.key_mask is None else self.key_mask[examples]
        return self.encoder.forward_from(self.layer + 1, hidden, key_mask=mask)

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """`(examples, head, query, key)`: the late product with the values."""
        gradient = total @ self.part.output_weight
        if self.end_gradient is not None:
            gradient = gradient + end_weight[:, None, None] * self.end_gradient[examples]
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
        hidden = self.hidden[examples]
        for layer, part in enumerate(self.encoder.layers):
            probs = self._layer(scaled, layer)
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
    last_change: Tensor  # how far they may be off, relative; nan for a fixed number of steps, (batch,)
    unconverged: Tensor  # (batch,), bool


@dataclass(frozen=True)
class Integrator:
    """The integral along a path, by a schedule of nodes."""

    schedule: Schedule
    output: Output
    tolerance: float
    token_budget: int
    precision: torch.dtype | None  # of the layers above the scaled attention; None: the model's own
    baseline: bool = True  # whether a rule without a node at zero has F computed there, too

    def __call__(self, path: AttentionPath, prefix: Prefix, target: Tensor, output: Tensor) -> Integral:
        """The integrals of all examples of the group; `output` is F of the unchanged model, `(batch,)`."""
        copies = max(1, self.token_budget // prefix.inputs.input_ids.shape[1])  # of examples, in one pass

        def integrand(examples: Tensor, alphas: Tensor) -> tuple[Tensor, Tensor]:
            f, gradients = output[examples], torch.zeros_like(path.start(examples))
            # A path that knows the gradient at its end leaves it out here.
            inner = (alphas != 1).nonzero()[:, 0] if path.end else torch.arange(len(alphas), device=alphas.device)
            # None at all where nothing is left: some kernels give nothing for an empty batch.
            for start in range(0, len(inner), copies):
                places = inner[start : start + copies]
                f[places], gradients[places] = self._gradient(path, examples[places], alphas[places], target)
            return f, gradients

        if self.schedule.max_steps is None:
            return self._fixed(path, integrand, target, output, at_once=max(1, copies // len(target)))
        return self._auto(path, integrand, output, max_steps=self.schedule.max_steps)

    def _fixed(
        self, path: AttentionPath, integrand: Integrand, target: Tensor, output: Tensor, *, at_once: int
    ) -> Integral:
        """By one rule. Gradients are summed as they come, so that memory does not grow with the number of nodes."""
        examples, nodes = torch.arange(len(output), device=output.device), self.schedule.nodes.to(output.device)
        weights, total = self.schedule.weights[0].to(output), torch.zeros_like(path.start(examples))
        at_zero: list[Tensor] = []
        for alphas, shares in zip(nodes.split(at_once), weights.split(at_once), strict=True):
            f, gradients = _on_grid(integrand, examples, alphas)
            at_zero += f[alphas == 0]
            total += torch.einsum("s,sb...->b...", shares, gradients)
        return Integral(
            attribution=path.assemble(examples, total, weights[nodes == 1].sum().expand(len(examples))),
            baseline=at_zero[0] if at_zero else self._at_zero(path, examples, target, output),
            steps=torch.full_like(examples, self.schedule.steps[0]),
            last_change=torch.full_like(output, torch.nan),
            unconverged=torch.zeros_like(examples, dtype=torch.bool),
        )

    def _auto(self, path: AttentionPath, integrand: Integrand, output: Tensor, *, max_steps: int) -> Integral:
        """Double each example's steps until it has converged; where the schedule ends before that, refine."""
        plan, nodes = self.schedule, self.schedule.nodes.to(output.device)
        active = torch.arange(len(output), device=output.device)
        steps, error = torch.zeros_like(active), torch.zeros_like(output)
        f, gradients = _on_grid(integrand, active, nodes[: plan.counts[0]])
        baseline, previous = f[nodes[: plan.counts[0]] == 0][0], self._estimate(path, active, gradients, level=0)
        results: list[tuple[Tensor, Tensor]] = []
        for level in range(1, len(plan.counts)):
            more = _on_grid(integrand, active, nodes[plan.counts[level - 1] : plan.counts[level]])
            f, gradients = torch.cat([f, more[0]]), torch.cat([gradients, more[1]])
            estimate = self._estimate(path, active, gradients, level=level)
            change, gap = self._errors(estimate, previous, (output - baseline)[active])
            steps[active], error[active] = plan.steps[level], change
            finished = (change <= self.tolerance) & (gap <= self.tolerance)
            results.append((active[finished], estimate[finished]))
            active, previous = active[~finished], estimate[~finished]
            f, gradients = f[:, ~finished], gradients[:, ~finished]
        unconverged = torch.zeros_like(steps, dtype=torch.bool)
        if len(active) > 0 and max_steps < plan.steps[-1] + NODES - 1:  # too few to cut anything
            results.append((active, previous))
            unconverged[active] = True
        elif len(active) > 0:
            refined = self._refine(path, integrand, active, f, gradients, most=max_steps)
            results.append((active, refined.scores))
            steps[active], error[active] = refined.nodes - 1, refined.error
            unconverged[active] = refined.error > self.tolerance
        order = torch.cat([examples for examples, _ in results]).argsort()
        attribution = torch.cat([scores for _, scores in results])[order]
        return Integral(attribution, baseline, steps, error, unconverged)

    def _estimate(self, path: AttentionPath, examples: Tensor, gradients: Tensor, *, level: int) -> Tensor:
        """Scores by a level of the schedule, from the gradients at its nodes, `(node, examples, ...)`."""
        weights = self.schedule.weights[level, : len(gradients)].to(gradients)
        at_end = weights[self.schedule.nodes[: len(gradients)] == 1].sum().expand(len(examples))
        return path.assemble(examples, torch.einsum("s,sb...->b...", weights, gradients), at_end)

    def _refine(
        self, path: AttentionPath, integrand: Integrand, examples: Tensor, f: Tensor, gradients: Tensor, *, most: int
    ) -> Refined:
        """From F and the gradients at all nodes of the schedule, `(node, examples, ...)`."""

        def assemble(places: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
            return path.assemble(examples[places], total, end_weight)

        # In the order of the path, in panels that share the node between them.
        order = self.schedule.nodes.argsort().unfold(0, NODES, NODES - 1)
        count, pieces = len(examples), len(order)
        panels = Panels.measured(
            torch.arange(count, device=f.device).repeat_interleave(pieces),
            self.schedule.nodes[order].to(f.device).repeat(count, 1),
            f[order].movedim(2, 0).flatten(0, 1),
            gradients[order].movedim(2, 0).flatten(0, 1),
            assemble,
        )
        return refine(
            panels,
            lambda places, alphas: integrand(examples[places], alphas),
            assemble,
            tolerance=self.tolerance,
            max_nodes=most + 1,
        )

    def _gradient(self, path: AttentionPath, examples: Tensor, alphas: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """F, `(examples,)`, and its gradient, `(examples, ...)`, at an alpha for each."""
        start = path.start(examples)
        scaled = (alphas.to(start).view(-1, *[1] * (start.ndim - 1)) * start).requires_grad_()
        with torch.enable_grad():
            f = self._evaluate(path, examples, scaled, target)
            total = f.sum()
        return f.detach(), torch.autograd.grad(total, scaled)[0]

    def _evaluate(self, path: AttentionPath, examples: Tensor, scaled: Tensor, target: Tensor) -> Tensor:
        with torch.autocast(scaled.device.type, self.precision, enabled=self.precision is not None):
            logits = path.logits(examples, scaled)
        return evaluate(logits.to(scaled), target[examples], output=self.output)

    @torch.no_grad()
    def _at_zero(self, path: AttentionPath, examples: Tensor, target: Tensor, output: Tensor) -> Tensor:
        if not self.baseline:
            return torch.full_like(output, torch.nan)
        return self._evaluate(path, examples, torch.zeros_like(path.start(examples)), target)

    @staticmethod
    def _errors(estimate: Tensor, previous: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
        """The change from the previous estimate, and the completeness gap, relative to the scores' absolute sum."""
        size = estimate.flatten(1).abs().sum(dim=1).clamp(min=FLOOR)
        change = (estimate - previous).flatten(1).abs().sum(dim=1)
        gap = (estimate.flatten(1).sum(dim=1) - difference).abs()
        return change / size, gap / size


def _on_grid(integrand: Integrand, examples: Tensor, alphas: Tensor) -> tuple[Tensor, Tensor]:
    """F and its gradient for every alpha and example, `(alphas, examples, ...)`."""
    f, gradients = integrand(examples.repeat(len(alphas)), alphas.repeat_interleave(len(examples)))
    shape = (len(alphas), len(examples))
    return f.unflatten(0, shape), gradients.unflatten(0, shape)
