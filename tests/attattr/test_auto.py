"""`steps="auto"`: which nodes it takes, when it stops, and what it says about the error that is left."""

import copy
import itertools

import numpy as np
import pytest
import torch

from attattr import AttributionError, attribute
from attattr.encoder import Encoder
from attattr.quadrature import RULES, quadrature, schedule

# Scores that are smaller altogether are not told from zero.
FLOOR = 1e-4


def test_doubling_keeps_all_nodes_and_every_level_is_the_rule_of_its_steps():
    plan = schedule("clenshaw_curtis", "auto", max_steps=64)
    assert (plan.steps, plan.counts, plan.max_steps) == ((2, 4, 8), (3, 5, 9), 64)
    for level, (steps, count) in enumerate(zip(plan.steps, plan.counts, strict=True)):
        assert not plan.weights[level, count:].any()
        order = plan.nodes[:count].argsort()
        nodes, weights = quadrature("clenshaw_curtis", steps)
        assert torch.equal(plan.nodes[:count][order], nodes)
        assert torch.equal(plan.weights[level, :count][order], weights)


@pytest.mark.parametrize("rule", RULES)
def test_a_number_of_steps_is_one_level(rule):
    plan = schedule(rule, 5, max_steps=3)
    nodes, weights = quadrature(rule, 5)
    assert (plan.steps, plan.counts, plan.max_steps) == ((5,), (len(nodes),), None)
    assert torch.equal(plan.nodes, nodes)
    assert torch.equal(plan.weights, weights[None])


@pytest.mark.parametrize(("max_steps", "levels"), [(4, (2, 4)), (7, (2, 4)), (8, (2, 4, 8)), (65, (2, 4, 8))])
def test_doubling_stays_within_max_steps(max_steps, levels):
    assert schedule("clenshaw_curtis", "auto", max_steps=max_steps).steps == levels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_steps": 3}, "max_steps is 3: it must be a whole number of at least 4"),
        ({"max_steps": 8.0}, "max_steps is 8.0: it must be"),
        ({"max_steps": True}, "max_steps is True: it must be"),
        ({"steps": "many"}, "steps is 'many': it must be a whole number of at least 1, or 'auto'"),
        ({"steps": "8"}, "steps is '8': it must be"),
        ({"tolerance": 0.0}, "tolerance is 0.0: it must be above 0 and below 1"),
        ({"tolerance": 1.0}, "tolerance is 1.0: it must be"),
        ({"tolerance": float("nan")}, "tolerance is nan: it must be"),
        ({"rule": "simpson"}, "rule is 'simpson'.*clenshaw_curtis"),
        ({"rule": "right"}, "rule is 'right', whose steps do not refine each other: give a number of steps"),
        ({"rule": "trapezoid"}, "rule is 'trapezoid', whose steps do not refine each other"),
    ],
)
def test_a_bad_argument_is_named(tiny_model, random_examples, padded, change, message):
    model = tiny_model()
    good = padded(model, random_examples([5])) | {"target": 0, "max_steps": 4}
    assert attribute(model, **good).attribution.any()
    with pytest.raises(AttributionError, match=message):
        attribute(model, **good | change)


# On a model.

LENGTHS = [6, 13, 1, 6, 14]
TOGETHER = [(0, 3), (1, 4)]  # rows of nearly the same length, which run together


@pytest.fixture(scope="module")
def case(tiny_model, random_examples, padded):
    """A float64 model of three layers, examples and their batch; the class that is explained is 1."""
    model, examples = tiny_model(layers=3).double(), random_examples(LENGTHS)
    return model, examples, padded(model, examples)


@pytest.fixture(scope="module")
def fixed(case):
    """`fixed(rule, path, steps)`: the batch's result with a number of steps."""
    known = {}

    def compute(rule, path, steps):
        if (rule, path, steps) not in known:
            model, _, inputs = case
            known[rule, path, steps] = attribute(model, **inputs, target=1, rule=rule, path=path, steps=steps)
        return known[rule, path, steps]

    return compute


def parts_of(maps, path):
    """Scores `(batch, part, ...)` of maps `(batch, layer, ...)`: every layer, or all of them, is a part."""
    return maps if path == "layer" else maps[:, None]


def size_of(scores):
    return max(float(scores.abs().sum()), FLOOR)


def change_of(fine, coarse):
    """The change between two estimates of one part, relative to the finer one's absolute sum."""
    return float((fine - coarse).abs().sum()) / size_of(fine)


@pytest.mark.parametrize(("path", "tolerance"), [("layer", 0.02), ("joint", 0.5)])
def test_up_to_eight_steps_each_layer_of_each_example_has_the_estimate_of_the_steps_it_says(
    case, fixed, path, tolerance
):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, path=path, tolerance=tolerance)
    # Of examples that run together one stops before the other.
    assert any((result.steps[a] != result.steps[b]).any() for a, b in TOGETHER)
    assert result.steps.shape == (len(examples), 3 if path == "layer" else 1)
    assert (result.steps <= 8).any()
    scores = parts_of(result.attribution, path)
    for row, steps_of_parts in enumerate(result.steps.tolist()):
        for part, steps in enumerate(steps_of_parts):
            if steps > 8:
                continue
            at, half = fixed("clenshaw_curtis", path, steps), fixed("clenshaw_curtis", path, steps // 2)
            expected, before = (parts_of(given.attribution, path)[row, part] for given in (at, half))
            assert float((scores[row, part] - expected).abs().max()) <= 1e-10 * float(expected.abs().max())
            assert abs(float(result.completeness_gap[row, part] - at.completeness_gap[row, part])) < 1e-10
            assert abs(float(result.baseline_output[row, part] - at.baseline_output[row, part])) < 1e-10
            assert float(result.last_change[row, part]) == pytest.approx(change_of(expected, before), rel=1e-8)


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("tolerance", [0.05, 0.01, 1e-4])
def test_where_it_stopped_by_itself_the_true_error_is_below_the_tolerance(case, padded, formula, tolerance, path):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, path=path, tolerance=tolerance, max_steps=1000)
    assert not result.unconverged.any()
    nodes, weights = quadrature("gauss_legendre", 128)
    for row, example in enumerate(examples):
        n = len(example)
        alone = padded(model, [example])
        truth, _ = formula(model, alone, 1, nodes, weights, path=path)
        truth = parts_of(truth[None], path)[0]
        scores = parts_of(result.attribution[:, :, :, :n, :n], path)[row]
        for part in range(len(scores)):
            assert change_of(truth[part], scores[part]) < tolerance
            assert float(result.completeness_gap[row, part].abs()) <= tolerance * size_of(scores[part])
            assert float(result.last_change[row, part]) <= tolerance


def by_hand(evaluate, *, tolerance, max_steps):
    """Steps, scores, whether they converged: the rules of `auto`, one path and one panel at a time.

    `evaluate(alpha)` is F and the integrand, whose integral the scores are.
    """
    known = {}

    def values(nodes):
        return [known[node] if node in known else known.setdefault(node, evaluate(node)) for node in nodes]

    def integral(nodes):
        basis = np.linalg.inv(np.vander(np.array(nodes), increasing=True))  # column k: the polynomial of node k
        rises = np.array([(nodes[-1] ** (d + 1) - nodes[0] ** (d + 1)) / (d + 1) for d in range(len(nodes))])
        return sum(weight * gradient for weight, (_, gradient) in zip(rises @ basis, values(nodes), strict=True))

    def error(nodes):
        scores = integral(nodes)
        (first, _), (last, _) = values([nodes[0], nodes[-1]])
        return max(float((scores - integral(nodes[::2])).abs().sum()), abs(float(scores.sum()) - (last - first)))

    previous = integral(quadrature("clenshaw_curtis", 2)[0].tolist())
    for steps in [steps for steps in (4, 8) if steps <= max_steps]:
        nodes = quadrature("clenshaw_curtis", steps)[0].tolist()
        scores = integral(nodes)
        gap = abs(float(scores.sum()) - (values([1.0])[0][0] - values([0.0])[0][0]))
        if max(float((scores - previous).abs().sum()), gap) <= tolerance * size_of(scores):
            return steps, scores, True
        previous = scores
    if max_steps < steps + 4:
        return len(known) - 1, scores, False
    panels = [nodes[first : first + 5] for first in range(0, len(nodes) - 1, 4)]
    while True:
        scores = sum(integral(panel) for panel in panels)
        most = tolerance * size_of(scores)
        if sum(map(error, panels)) <= most:
            return len(known) - 1, scores, True
        kept = []
        for panel in sorted(panels, key=error):
            if sum(map(error, kept)) + error(panel) > most / 2:
                break
            kept.append(panel)
        cut = [panel for panel in panels if panel not in kept]
        if len(known) - 1 + 4 * len(cut) > max_steps:
            return len(known) - 1, scores, False
        panels = kept
        for panel in cut:
            finer = sorted(panel + [(a + b) / 2 for a, b in itertools.pairwise(panel)])
            panels += [finer[:5], finer[4:]]


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize(("max_steps", "tolerance"), [(5, 0.01), (8, 0.01), (17, 0.002), (40, 1e-4), (100, 1e-3)])
def test_it_cuts_the_path_where_the_error_is_largest_until_it_meets_the_tolerance_and_else_says_so(
    case, with_attention, padded, max_steps, tolerance, path
):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, path=path, tolerance=tolerance, max_steps=max_steps)
    found = parts_of(result.attribution, path)
    for row, example in enumerate(examples):
        alone, n = padded(model, [example]), len(example)
        probs = [p.detach() for p in with_attention(model, alone)[1]]
        for part in range(result.steps.shape[1]):
            block = [part] if path == "layer" else range(3)

            def evaluate(alpha, alone=alone, probs=probs, block=block):
                scaled = [(alpha * probs[layer]).requires_grad_() for layer in block]
                f = with_attention(model, alone, dict(zip(block, scaled, strict=True)))[0].softmax(-1)[0, 1]
                gradients = torch.autograd.grad(f, scaled)
                return float(f.detach()), torch.stack(
                    [probs[i][0] * g[0] for i, g in zip(block, gradients, strict=True)]
                )

            steps, scores, converged = by_hand(evaluate, tolerance=tolerance, max_steps=max_steps)
            assert (int(result.steps[row, part]), bool(result.unconverged[row, part])) == (steps, not converged)
            ours = found[row, part][..., :n, :n].reshape(scores.shape)
            assert float((ours - scores).abs().max()) <= 1e-9 * float(scores.abs().max())
    assert result.unconverged.any() == (max_steps < 100)


def test_a_layer_without_effect_converges_at_once_to_zero(case):
    model, _, inputs = case
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.bert.encoder.layer[1].attention.self.value.parameters():
            parameter.zero_()
    result = attribute(model, **inputs, target=1, tolerance=1e-6, max_steps=8)
    assert not result.attribution[:, 1].any()
    assert result.steps[:, 1].tolist() == [4] * len(LENGTHS)
    assert not result.unconverged[:, 1].any()
    assert not result.last_change[:, 1].any()
    assert not result.completeness_gap[:, 1].abs().gt(1e-15).any()
    # The others are as far from it as ever.
    assert result.attribution[:, 0].any()
    assert result.unconverged[:, 0].all()
    for tensor in (result.attribution, result.last_change, result.baseline_output, result.completeness_gap):
        assert tensor.isfinite().all()


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize(("rule", "steps"), [("clenshaw_curtis", 1), ("right", 1), ("midpoint", 3), ("trapezoid", 5)])
def test_a_fixed_number_of_steps_says_nothing_of_convergence(case, fixed, rule, steps, path):
    result = fixed(rule, path, steps)
    parts = 3 if path == "layer" else 1
    assert result.steps.tolist() == [[steps] * parts] * len(LENGTHS)
    assert result.last_change.shape == (len(LENGTHS), parts)
    assert result.last_change.isnan().all()
    assert result.unconverged.shape == (len(LENGTHS), parts)
    assert not result.unconverged.any()
    model, _, inputs = case
    others = {"tolerance": 0.9, "max_steps": 3}
    again = attribute(model, **inputs, target=1, rule=rule, path=path, steps=steps, **others)
    assert torch.equal(again.attribution, result.attribution)


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize(
    ("rule", "steps"), [("clenshaw_curtis", "auto"), ("clenshaw_curtis", 1), ("left", 1), ("right", 1), ("left", 30)]
)
def test_the_baseline_is_the_output_without_the_attention(case, formula, padded, rule, steps, path):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, rule=rule, path=path, steps=steps, max_steps=8)
    for row, example in enumerate(examples):
        _, expected = formula(model, padded(model, [example]), 1, [], [], path=path)
        assert result.baseline_output[row].shape == expected.shape
        assert float((result.baseline_output[row] - expected).abs().max()) < 1e-12


@pytest.mark.parametrize(("rule", "steps"), [("clenshaw_curtis", "auto"), ("right", 1), ("right", 2)])
@pytest.mark.parametrize("path", ["layer", "joint"])
def test_no_pass_is_without_examples(tiny_model, random_examples, padded, monkeypatch, rule, steps, path):
    # Some kernels of CUDA return nothing for an empty batch. All are done at the first levels of `auto` here, and the
    # gradient at the path's end needs no pass through the last layer.
    batches = []
    forward = Encoder.forward_from

    def counting(self, layer, hidden, **arguments):
        batches.append(len(hidden))
        return forward(self, layer, hidden, **arguments)

    monkeypatch.setattr(Encoder, "forward_from", counting)
    model = tiny_model()
    attribute(
        model, **padded(model, random_examples([5, 5])), target=0, rule=rule, steps=steps, tolerance=0.9, path=path
    )
    assert batches
    assert min(batches) > 0
