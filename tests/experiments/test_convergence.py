import copy

import pytest
import torch
from outcomes_by_hand import with_texts

from attattr import Attribution, attribute
from pipeline.analysis.convergence import curve_rows, of_examples
from pipeline.analysis.convergence import measures as keyed_measures
from pipeline.experiments import convergence
from pipeline.experiments.convergence import AT_ONCE, error_rows, judged_rows

measures = with_texts(keyed_measures)


LENGTHS = [6, 3, 9]
RULES, STEPS, REFERENCE = ("gauss_legendre", "right"), (1, 2, 4), 32


@pytest.fixture(scope="module")
def settings(section):
    def make(**changes):
        values = {"rules": RULES, "steps": STEPS, "reference_steps": REFERENCE, "max_steps": 16, "top_k": 3}
        return section("convergence", **{**values, **changes})

    return make


@pytest.fixture(scope="module")
def examples(random_examples):
    return random_examples(LENGTHS)


@pytest.fixture(scope="module")
def gentle(tiny_model):
    """A model whose output bends little along the path."""
    model = tiny_model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embeddings" not in name:
                parameter.mul_(0.5)
    return model


@pytest.fixture(scope="module")
def rows(gentle, examples, settings):
    return error_rows(gentle, examples, settings=settings(), token_budget=200)


def test_every_example_and_layer_has_every_rule_and_number_of_steps_the_reference_and_auto(rows):
    runs = [("reference", 16), ("judge", None), *((rule, steps) for rule in RULES for steps in STEPS), ("auto", None)]
    assert [
        (row["example_id"], row["rule"], None if row["rule"] in ("auto", "judge") else row["steps"], row["layer"])
        for row in rows
    ] == [(f"e-{number}", *run, layer) for run in runs for number in range(3) for layer in range(2)]
    assert {row["steps"] for row in rows if row["rule"] == "auto"} <= {4, 8, 16}
    assert len({tuple(row) for row in rows}) == 1


def test_the_errors_are_those_of_attributing_each_example_against_the_reference_in_float64(
    gentle, examples, padded, rows
):
    exact = copy.deepcopy(gentle).double()
    for example in examples:
        inputs = padded(gentle, [example])
        with torch.no_grad():
            target = gentle(**inputs).logits.argmax(dim=1)
        fine = attribute(exact, **inputs, target=target, steps=REFERENCE, rule="gauss_legendre").attribution[0]
        assert fine.dtype == torch.float64
        for steps in STEPS:
            result = attribute(gentle, **inputs, target=target, steps=steps, rule="right")
            assert result.attribution.dtype == torch.float32
            found = [
                row
                for row in rows
                if (row["example_id"], row["rule"], row["steps"]) == (example.example_id, "right", steps)
            ]
            assert len(found) == 2
            for row in found:
                scores, truth = result.attribution[0, row["layer"]].double(), fine[row["layer"]]
                assert row["error"] == pytest.approx(float((scores - truth).abs().sum()), rel=1e-3, abs=1e-8)
                assert row["size"] == pytest.approx(float(truth.abs().sum()))
                change = float(result.output[0] - result.baseline_output[0, row["layer"]])
                assert row["gap"] == pytest.approx(abs(float(scores.sum()) - change), abs=1e-6)
                assert row["unconverged"] is False


def test_auto_reports_the_steps_it_took_and_where_it_stopped_short(gentle, examples, padded, settings):
    changes = {"tolerance": 1e-5, "max_steps": 8, "rules": ["right"], "steps": [1]}
    rows = error_rows(gentle, examples, settings=settings(**changes), token_budget=200)
    found = {(row["example_id"], row["layer"]): row for row in rows if row["rule"] == "auto"}
    for example in examples:
        result = attribute(
            gentle, **padded(gentle, [example]), target="predicted", steps="auto", tolerance=1e-5, max_steps=8
        )
        for layer in range(2):
            row = found[example.example_id, layer]
            assert row["steps"] == int(result.steps[0, layer])
            assert row["unconverged"] == bool(result.unconverged[0, layer])
    assert {row["unconverged"] for row in found.values()} == {True, False}


@pytest.mark.parametrize(("rule", "error"), [("reference", 1e-8), ("judge", 1e-4)])
def test_what_else_could_be_the_reference_agrees_with_it(rows, rule, error):
    """In float64 no rounding hides that 16 Gauss-Legendre nodes are as good as exact here."""
    others = [row for row in rows if row["rule"] == rule]
    assert len(others) == 6
    for row in others:
        assert 0 <= row["error"] < error * row["size"]
        assert row["jaccard"] == 1
        assert row["kendall"] == pytest.approx(1)


def test_more_nodes_of_gauss_legendre_have_a_smaller_error_and_the_right_rule_halves_its_own(rows):
    curves = {(c["rule"], c["steps"]): c["error"] for c in curve_rows(rows, task="rte", seed=1)}
    one, two, four = (curves["gauss_legendre", steps] for steps in STEPS)
    assert one > 5 * two > 25 * four
    assert curves["right", 2] / curves["right", 4] == pytest.approx(2, rel=0.2)


def test_the_model_is_left_as_it_was(tiny_model, examples, settings):
    model = tiny_model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    error_rows(model, examples[:1], settings=settings(rules=["left"], steps=[1]), token_budget=200)
    assert model.training
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])


# What is judged.


def numbers(rows):
    """What was measured, by example, layer, rule and steps."""
    names = ("example_id", "layer", "rule", "steps")
    return {tuple(row[name] for name in names): [row[name] for name in row if name not in names] for row in rows}


def assert_close(rows, others):
    found, expected = numbers(rows), numbers(others)
    assert set(found) == set(expected)
    for place, row in found.items():
        assert row == pytest.approx(expected[place], rel=1e-5, abs=1e-7)


def test_judged_examples_are_those_of_the_grid_at_20_steps(gentle, examples, settings):
    grid = error_rows(gentle, examples, settings=settings(rules=["right", "left"], steps=[20]), token_budget=200)
    judged = judged_rows(gentle, examples, settings=settings(reference_tolerance=1e-8), token_budget=200)
    assert_close(*([row for row in rows if row["rule"] in ("right", "left")] for rows in (judged, grid)))


def test_shortest_examples_come_first_and_more_than_are_held_at_once_are_the_same(
    gentle, random_examples, settings, monkeypatch
):
    examples = random_examples([6, 3, 9, 4])
    together = judged_rows(gentle, examples, settings=settings(), token_budget=200)
    assert len(examples) < AT_ONCE
    assert list(dict.fromkeys(row["example_id"] for row in together)) == ["e-1", "e-3", "e-0", "e-2"]
    monkeypatch.setattr(convergence, "AT_ONCE", 3)
    parts = judged_rows(gentle, examples, settings=settings(), token_budget=200)
    assert_close(parts, together)


def test_the_references_doubt_is_what_half_of_its_steps_were_off(gentle, examples, padded, settings):
    chosen = settings(reference_tolerance=1e-12, reference_steps=8)
    rows = judged_rows(gentle, examples, settings=chosen, token_budget=200)
    exact = copy.deepcopy(gentle).double()
    own = {(row["example_id"], row["layer"]): row for row in rows if row["rule"] == "reference"}
    for example in examples:
        inputs = padded(gentle, [example])
        half, full = (
            attribute(exact, **inputs, target="predicted", steps=steps, rule="clenshaw_curtis").attribution[0]
            for steps in (4, 8)
        )
        for layer in range(2):
            row = own[example.example_id, layer]
            assert (row["steps"], row["unconverged"]) == (8, True)
            assert row["error"] == pytest.approx(float((full - half)[layer].abs().sum()), rel=1e-6)
            assert row["size"] == pytest.approx(float(full[layer].abs().sum()))


# What is compared, by hand.

TRUTH = [
    # Two layers of two heads over two tokens; the heads' largest scores are 8, 2 and 4, 1.
    [[[8, 0], [1, -3]], [[2, -9], [0, 0]]],
    [[[4, 0], [3, 0]], [[1, 0], [0, 0]]],
]


@pytest.fixture
def given(monkeypatch, tiny_model, random_examples, settings):
    """`given(scores)`: the rows of one example where the reference is TRUTH and the right rule gives `scores`."""

    def make(scores, **changes):
        calls = []

        def fake(model, *, target, steps, rule, token_budget, tolerance=None, max_steps=None, **inputs):
            calls.append((model.dtype, rule, steps, target, tolerance, max_steps, token_budget))
            maps = torch.tensor([TRUTH if rule != "right" else scores], dtype=model.dtype)
            return Attribution(
                attribution=maps,
                attention_probs=maps,
                logits=torch.zeros(1, 3),
                target=torch.tensor([2]),
                output=torch.tensor([1.0]),
                baseline_output=torch.tensor([[0.5, 0.25]]),
                steps=torch.tensor([[4, 16]] if steps == "auto" else [[steps, steps]]),
                last_change=torch.zeros(1, 2),
                unconverged=torch.tensor([[False, True]]),
                path="layer",
            )

        monkeypatch.setattr(convergence, "attribute", fake)
        chosen = settings(rules=["right"], steps=[20], **changes)
        return error_rows(tiny_model(), random_examples([2]), settings=chosen, token_budget=77), calls

    return make


def test_equal_maps_have_no_error_and_the_same_edges_and_order_of_heads(given):
    rows, _ = given(TRUTH)
    for row in rows:
        assert (row["error"], row["jaccard"]) == (0, 1)
        assert row["kendall"] == pytest.approx(1)
    assert [row["size"] for row in rows[:2]] == [23, 8]


def test_errors_edges_and_the_order_of_heads_by_hand(given):
    scores = [
        [[[8, 0], [1, 2]], [[5, -9], [0, 0]]],
        [[[4, 0], [3, 0]], [[1, 0], [0, -0.5]]],
    ]
    first, second = [row for row in given(scores)[0] if row["rule"] == "right"]
    assert (first["error"], second["error"]) == (5 + 3, 0.5)
    # The largest edges were 8, 2, 1 and are now 8, 5 (the one of 2) and 2 (the one of -3): two of four are shared.
    assert (first["jaccard"], second["jaccard"]) == (2 / 4, 1)
    # Heads ranked 8, 4, 2, 1 before; now 8, 5, 4, 1: of six pairs one has turned.
    assert first["kendall"] == second["kendall"] == pytest.approx((5 - 1) / 6)
    # The sums are 7 and 7.5, the changes of F 0.5 and 0.75.
    assert (first["gap"], second["gap"]) == (6.5, 6.75)


def test_heads_that_all_tie_leave_statistics_that_are_numbers(given):
    """As with scores that vanish in float32, or a model of one head."""
    rows, _ = given([[[[0.0, 0], [0, 0]]] * 2] * 2)
    found = measures(of_examples([row for row in rows if row["rule"] in ("reference", "right")]))
    assert found["within/right-20"].values == [0]
    assert found["kendall/right-20"].values == [0]
    assert found["error/right-20"].above == found["error/right-20"].below == [31]


def test_more_edges_than_there_are_are_all_of_them(given):
    assert {row["jaccard"] for row in given(TRUTH[::-1], top_k=100)[0]} == {1}


def test_all_runs_explain_the_class_that_the_model_predicts_and_only_the_reference_is_float64(given):
    rows, calls = given(TRUTH, tolerance=0.03, max_steps=32, reference_steps=48, reference_tolerance=0.002)
    assert [call[:3] for call in calls] == [
        (torch.float64, "gauss_legendre", 48),
        (torch.float64, "gauss_legendre", 24),
        (torch.float64, "clenshaw_curtis", "auto"),
        (torch.float32, "right", 20),
        (torch.float32, "clenshaw_curtis", "auto"),
    ]
    assert calls[0][3] == "predicted"
    assert [call[3].tolist() for call in calls[1:]] == 4 * [[2]]
    assert [call[4:6] for call in calls if call[2] == "auto"] == [(0.002, 48), (0.03, 32)]
    assert {call[6] for call in calls} == {77}
    assert [row["steps"] for row in rows] == [24, 24, 4, 16, 20, 20, 4, 16]
    assert [row["unconverged"] for row in rows if row["rule"] == "auto"] == [False, True]
