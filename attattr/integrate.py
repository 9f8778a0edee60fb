"""The path integrals over one group of examples (docs/method.md, "Exact identities" and "A stated error")."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attattr.output import Output, evaluate
from attattr.paths import AttentionPath
from attattr.prefix import Prefix
from attattr.quadrature import Schedule
from attattr.refine import FLOOR, NODES, Integrand, Panels, Refined, refine


@dataclass(frozen=True)
class Integral:
    """Scores, and what is known of their error; of several parts, a layer each, `part` is the second dimension."""

    attribution: Tensor  # (batch, ..., head, query, key)
    baseline_output: Tensor  # (batch, part), F with the attention of the part at zero
    steps: Tensor  # (batch, part), the steps that were taken
    last_change: Tensor  # (batch, part), how far the scores may be off, relative; nan for a fixed number of steps
    unconverged: Tensor  # (batch, part), True where "auto" ended at max_steps, short of its tolerance


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
            baseline_output=at_zero[0] if at_zero else self._at_zero(path, examples, target, output),
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
