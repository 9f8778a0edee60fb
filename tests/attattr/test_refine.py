"""Refinement against integrals in closed form: curves that turn as sharply as one likes."""

import pytest
import torch

from attattr.quadrature import interpolatory, quadrature
from attattr.refine import Panels, refine


class Steps:
    """Paths on which F rises from 0 to about 1 around `at`, within `width`: F = sum of two edges' shares of it.

    The gradients are the derivatives of both shares, so that the scores are what each edge rises by.
    """

    def __init__(self, at, width):
        self.at, self.width = torch.tensor(at, dtype=torch.float64), torch.tensor(width, dtype=torch.float64)
        self.calls = []

    def edges(self, paths, alphas):
        return torch.stack([0.3 * alphas, torch.sigmoid((alphas - self.at[paths]) / self.width[paths])], dim=1)

    def integrand(self, paths, alphas):
        self.calls += zip(paths.tolist(), alphas.tolist(), strict=True)
        alphas = alphas.clone().requires_grad_()
        with torch.enable_grad():
            edges = self.edges(paths, alphas)
            gradients = [torch.autograd.grad(edge.sum(), alphas, retain_graph=True)[0] for edge in edges.T]
        return edges.sum(dim=1).detach(), torch.stack(gradients, dim=1)

    def panels(self, *, cuts=2):
        """Equal panels of equally spaced nodes."""
        count, ends = len(self.at), torch.arange(4 * cuts + 1, dtype=torch.float64) / (4 * cuts)
        alphas = ends.unfold(0, 5, 4).repeat(count, 1)
        paths = torch.arange(count).repeat_interleave(cuts)
        f, gradients = self.integrand(paths.repeat_interleave(5), alphas.flatten())
        self.calls = [(path, node) for path in range(count) for node in ends.tolist()]
        return Panels.measured(paths, alphas, f.view(alphas.shape), gradients.unflatten(0, alphas.shape), assemble)

    def truth(self):
        paths = torch.arange(len(self.at))
        return self.edges(paths, torch.ones(len(paths))) - self.edges(paths, torch.zeros(len(paths)))


def assemble(_paths, total, end_weight):
    assert end_weight.shape == total.shape[:1]
    return total[:, None, None]


def run(steps, **settings):
    return refine(steps.panels(), steps.integrand, assemble, **{"tolerance": 0.01, "max_nodes": 1000} | settings)


@pytest.mark.parametrize("tolerance", [0.05, 0.01, 1e-4, 1e-6])
def test_the_error_is_within_the_tolerance_however_sharp_the_turn(tolerance):
    steps = Steps(at=[0.5, 0.011, 0.37, 0.99], width=[0.2, 0.01, 1e-3, 1e-5])
    found = run(steps, tolerance=tolerance)
    assert (found.error <= tolerance).all()
    truth, scores = steps.truth(), found.scores[:, 0, 0]
    error = (scores - truth).abs().sum(dim=1) / scores.abs().sum(dim=1)
    assert (error <= found.error.clamp(min=1e-12)).all()


def test_a_sharp_turn_takes_few_nodes():
    found = run(Steps(at=[0.37] * 5, width=[10.0**-power for power in range(1, 6)]))
    # Of equal steps the last would take some 100,000.
    assert found.nodes.max() < 100


def test_no_node_is_evaluated_twice_and_they_are_counted():
    steps = Steps(at=[0.5, 0.013], width=[0.2, 1e-3])
    found = run(steps)
    assert len(set(steps.calls)) == len(steps.calls) == int(found.nodes.sum())


def test_it_ends_at_the_most_nodes_and_says_what_error_is_left():
    steps = Steps(at=[0.5, 0.3], width=[0.3, 1e-4])
    found = run(steps, max_nodes=21)
    assert found.nodes.tolist()[1] <= 21
    assert found.error[0] <= 0.01 < found.error[1]


def test_paths_do_not_depend_on_each_other():
    sharp, both = Steps(at=[0.013], width=[1e-3]), Steps(at=[0.5, 0.013], width=[0.2, 1e-3])
    alone, together = run(sharp), run(both)
    assert alone.nodes[0] == together.nodes[1]
    assert torch.allclose(alone.scores[0], together.scores[1], rtol=1e-12)


def test_what_cancels_in_the_sum_is_no_convergence():
    """Two edges whose turns cancel: F is a straight line, so that the completeness gap alone would see nothing."""

    class Cancelling(Steps):
        def edges(self, paths, alphas):
            turn = torch.sigmoid((alphas - self.at[paths]) / self.width[paths])
            return torch.stack([0.3 * alphas + turn, -turn], dim=1)

    steps = Cancelling(at=[0.37], width=[1e-3])
    found = run(steps)
    assert (found.scores[:, 0, 0] - steps.truth()).abs().sum() <= 0.01 * steps.truth().abs().sum()


def test_a_path_without_scores_takes_no_more_nodes():
    class Flat(Steps):
        def edges(self, paths, alphas):
            return 0 * super().edges(paths, alphas)

    found = run(Flat(at=[0.5], width=[1e-3]))
    assert (found.nodes.tolist(), found.error.tolist()) == ([9], [0.0])
    assert not found.scores.any()


def test_interpolatory_weights_are_exact_for_polynomials():
    nodes = torch.tensor([[0.1, 0.13, 0.2, 0.35, 0.4], [0.0, 0.25, 0.5, 0.75, 1.0]], dtype=torch.float64)
    weights = interpolatory(nodes)
    for degree in range(5):
        exact = (nodes[:, -1] ** (degree + 1) - nodes[:, 0] ** (degree + 1)) / (degree + 1)
        assert torch.allclose((weights * nodes**degree).sum(dim=1), exact, rtol=1e-12)
    # Boole's rule, and Clenshaw-Curtis by its definition.
    assert weights[1].tolist() == pytest.approx([7 / 90, 32 / 90, 12 / 90, 32 / 90, 7 / 90])
    nodes, expected = quadrature("clenshaw_curtis", 8)
    assert torch.allclose(interpolatory(nodes), expected, rtol=1e-10)
