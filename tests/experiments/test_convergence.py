import copy

import pytest
import torch

from pipeline.analysis.convergence import curve_rows, summary
from pipeline.attattr import Attribution, attribute
from pipeline.experiments import convergence
from pipeline.experiments.convergence import error_rows
from pipeline.values.store import read_json, write_json

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
    runs = [("reference", 16), *((rule, steps) for rule in RULES for steps in STEPS), ("auto", None)]
    assert [
        (row["example_id"], row["rule"], None if row["rule"] == "auto" else row["steps"], row["layer"]) for row in rows
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


def test_half_of_the_references_steps_agree_with_all_of_them(rows):
    """In float64 no rounding hides that 16 Gauss-Legendre nodes are as good as exact here."""
    halves = [row for row in rows if row["rule"] == "reference"]
    assert len(halves) == 6
    for row in halves:
        assert 0 <= row["error"] < 1e-8 * row["size"]
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

        def fake(model, *, target, steps, rule, tolerance, max_steps, token_budget, **inputs):
            calls.append((model.dtype, rule, steps, target, tolerance, max_steps, token_budget))
            maps = torch.tensor([TRUTH if rule != "right" else scores], dtype=model.dtype)
            return Attribution(
                attribution=maps,
                attention_probs=maps,
                logits=torch.zeros(1, 3),
                target=torch.tensor([2]),
                output=torch.tensor([1.0]),
                baseline_output=torch.tensor([[0.5, 0.25]]),
                steps=torch.tensor([[4, 16]]),
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


def test_heads_that_all_tie_leave_metrics_that_can_be_written(given, tmp_path):
    """As with scores that vanish in float32, or a model of one head."""
    rows, _ = given([[[[0.0, 0], [0, 0]]] * 2] * 2)
    write_json(tmp_path / "x.json", summary(rows, tolerance=0.01, draws=200, seed=0))
    assert read_json(tmp_path / "x.json")["paper"]["error"]["value"] == 1


def test_more_edges_than_there_are_are_all_of_them(given):
    assert {row["jaccard"] for row in given(TRUTH[::-1], top_k=100)[0]} == {1}


def test_all_runs_explain_the_class_that_the_model_predicts_and_only_the_reference_is_float64(given):
    rows, calls = given(TRUTH, tolerance=0.03, max_steps=32, reference_steps=48)
    assert [call[:3] for call in calls] == [
        (torch.float64, "gauss_legendre", 48),
        (torch.float64, "gauss_legendre", 24),
        (torch.float32, "right", 20),
        (torch.float32, "clenshaw_curtis", "auto"),
    ]
    assert calls[0][3] == "predicted"
    assert [call[3].tolist() for call in calls[1:]] == [[2], [2], [2]]
    assert {call[4:] for call in calls} == {(0.03, 32, 77)}
    assert [row["steps"] for row in rows] == [24, 24, 20, 20, 4, 16]
    assert [row["unconverged"] for row in rows if row["rule"] == "auto"] == [False, True]
