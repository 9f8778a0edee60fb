"""`steps="auto"`: which nodes it takes, when it stops, and what it says about the error that is left."""

import copy

import pytest
import torch

from pipeline.attattr import AttributionError, attribute
from pipeline.attattr.quadrature import RULES, quadrature, schedule

# Scores that are smaller altogether are not told from zero.
FLOOR = 1e-4


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("clenshaw_curtis", (3, 5, 9, 17, 33, 65)),
        ("trapezoid", (3, 5, 9, 17, 33, 65)),
        ("right", (2, 4, 8, 16, 32, 64)),
        ("left", (2, 4, 8, 16, 32, 64)),
        ("midpoint", (2, 6, 14, 30, 62, 126)),
        ("gauss_legendre", (2, 6, 14, 30, 62, 126)),
    ],
)
def test_a_level_evaluates_only_the_nodes_that_no_level_before_had(rule, counts):
    plan = schedule(rule, "auto", max_steps=64)
    assert plan.steps == (2, 4, 8, 16, 32, 64)
    assert plan.counts == counts
    assert len(set(plan.nodes.tolist())) == len(plan.nodes) == counts[-1]


@pytest.mark.parametrize("rule", RULES)
def test_every_level_is_the_rule_of_its_steps(rule):
    plan = schedule(rule, "auto", max_steps=64)
    assert plan.weights.shape == (6, len(plan.nodes))
    for level, (steps, count) in enumerate(zip(plan.steps, plan.counts, strict=True)):
        assert not plan.weights[level, count:].any()
        used = plan.weights[level] != 0
        order = plan.nodes[used].argsort()
        nodes, weights = quadrature(rule, steps)
        assert torch.equal(plan.nodes[used][order], nodes)
        assert torch.equal(plan.weights[level][used][order], weights)


@pytest.mark.parametrize("rule", RULES)
def test_a_number_of_steps_is_one_level(rule):
    plan = schedule(rule, 5, max_steps=3)
    nodes, weights = quadrature(rule, 5)
    assert (plan.steps, plan.counts) == ((5,), (len(nodes),))
    assert torch.equal(plan.nodes, nodes)
    assert torch.equal(plan.weights, weights[None])


@pytest.mark.parametrize(("max_steps", "last"), [(4, 4), (7, 4), (8, 8), (63, 32), (65, 64)])
def test_doubling_ends_at_the_last_power_of_two_within_max_steps(max_steps, last):
    assert schedule("clenshaw_curtis", "auto", max_steps=max_steps).steps[-1] == last


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


TOLERANCES = {"clenshaw_curtis": 0.01, "gauss_legendre": 0.01, "trapezoid": 0.15, "midpoint": 0.1, "right": 0.15}


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("rule", TOLERANCES)
def test_each_layer_of_each_example_has_the_estimate_of_the_steps_it_says(case, fixed, rule, path):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, rule=rule, path=path, tolerance=TOLERANCES[rule], max_steps=32)
    # Of examples that run together one stops before the other.
    assert any((result.steps[a] != result.steps[b]).any() for a, b in TOGETHER)
    assert result.steps.shape == (len(examples), 3 if path == "layer" else 1)
    scores = parts_of(result.attribution, path)
    for row, steps_of_parts in enumerate(result.steps.tolist()):
        for part, steps in enumerate(steps_of_parts):
            at, half = fixed(rule, path, steps), fixed(rule, path, steps // 2)
            expected, before = (parts_of(given.attribution, path)[row, part] for given in (at, half))
            assert float((scores[row, part] - expected).abs().max()) <= 1e-10 * float(expected.abs().max())
            assert abs(float(result.completeness_gap[row, part] - at.completeness_gap[row, part])) < 1e-10
            assert abs(float(result.baseline_output[row, part] - at.baseline_output[row, part])) < 1e-10
            assert float(result.last_change[row, part]) == pytest.approx(change_of(expected, before), rel=1e-8)


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("rule", ["clenshaw_curtis", "gauss_legendre", "trapezoid"])
def test_where_it_stopped_by_itself_the_true_error_is_below_the_tolerance(case, padded, formula, rule, path):
    model, examples, inputs = case
    tolerance = 0.01
    result = attribute(model, **inputs, target=1, rule=rule, path=path, tolerance=tolerance)
    converged = 0
    nodes, weights = quadrature("gauss_legendre", 128)
    for row, example in enumerate(examples):
        n = len(example)
        alone = padded(model, [example])
        truth, _ = formula(model, alone, 1, nodes, weights, path=path)
        truth = parts_of(truth[None], path)[0]
        scores = parts_of(result.attribution[:, :, :, :n, :n], path)[row]
        for part, unconverged in enumerate(result.unconverged[row].tolist()):
            if unconverged:
                continue
            converged += 1
            assert change_of(truth[part], scores[part]) < tolerance
            assert float(result.completeness_gap[row, part].abs()) <= tolerance * size_of(scores[part])
            assert float(result.last_change[row, part]) <= tolerance
    assert converged > result.steps.numel() / 2


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize(("rule", "max_steps", "tolerance"), [("clenshaw_curtis", 16, 0.01), ("right", 17, 0.1)])
def test_it_stops_at_the_first_level_that_meets_the_tolerance_and_else_says_so(
    case, fixed, with_attention, padded, rule, max_steps, tolerance, path
):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, rule=rule, path=path, tolerance=tolerance, max_steps=max_steps)
    steps, unconverged = torch.empty_like(result.steps), torch.empty_like(result.unconverged)
    for row, example in enumerate(examples):
        alone = padded(model, [example])
        logits, probs = with_attention(model, alone)
        for part in range(result.steps.shape[1]):
            block = [part] if path == "layer" else range(3)
            zero = {layer: torch.zeros_like(probs[layer]) for layer in block}
            without = with_attention(model, alone, zero)[0]
            difference = float((logits.softmax(-1) - without.softmax(-1))[0, 1].detach())
            met, m = False, 2
            while not met and 2 * m <= max_steps:
                m *= 2
                fine, coarse = (parts_of(fixed(rule, path, s).attribution, path)[row, part] for s in (m, m // 2))
                gap = abs(float(fine.sum()) - difference) / size_of(fine)
                met = change_of(fine, coarse) <= tolerance and gap <= tolerance
            steps[row, part], unconverged[row, part] = m, not met
    assert result.steps.tolist() == steps.tolist()
    assert result.unconverged.tolist() == unconverged.tolist()
    assert unconverged.any()
    assert not unconverged.all()


def test_a_small_change_with_a_large_completeness_gap_is_not_convergence(case, fixed):
    # The right rule's first two estimates may agree and be wrong together.
    model, _, inputs = case
    fine, coarse = fixed("right", "layer", 4), fixed("right", "layer", 2)
    candidates = [
        (gap, change, row, layer)
        for row in range(len(LENGTHS))
        for layer in range(3)
        for maps in [fine.attribution[row, layer]]
        for change in [change_of(maps, coarse.attribution[row, layer])]
        for gap in [float(fine.completeness_gap[row, layer].abs()) / size_of(maps)]
        if change < gap / 2 and gap < 1
    ]
    assert candidates
    for gap, change, row, layer in candidates:
        between = (gap + change) / 2
        result = attribute(model, **inputs, target=1, rule="right", tolerance=between, max_steps=4)
        assert result.unconverged[row, layer]
        assert float(result.last_change[row, layer]) < between
        result = attribute(model, **inputs, target=1, rule="right", tolerance=min(1.01 * gap, 0.999), max_steps=4)
        assert not result.unconverged[row, layer]


@pytest.mark.parametrize("rule", RULES)
def test_a_layer_without_effect_converges_at_once_to_zero(case, rule):
    model, _, inputs = case
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.bert.encoder.layer[1].attention.self.value.parameters():
            parameter.zero_()
    result = attribute(model, **inputs, target=1, rule=rule, tolerance=1e-6, max_steps=8)
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
@pytest.mark.parametrize("steps", [1, "auto"])
@pytest.mark.parametrize("rule", ["clenshaw_curtis", "left", "right"])
def test_the_baseline_is_the_output_without_the_attention(case, formula, padded, rule, steps, path):
    model, examples, inputs = case
    result = attribute(model, **inputs, target=1, rule=rule, path=path, steps=steps, max_steps=8)
    for row, example in enumerate(examples):
        _, expected = formula(model, padded(model, [example]), 1, [], [], path=path)
        assert result.baseline_output[row].shape == expected.shape
        assert float((result.baseline_output[row] - expected).abs().max()) < 1e-12
