"""Run with docs/extending/score.diff applied: norms of transformed vectors, by the model's own modules."""

import torch

from attattr.scores import edge_scores
from pipeline.analysis.methods import named
from pipeline.experiments.truth.knock_outs import outcomes
from pipeline.reporting.style import method_style


def test_recipe_the_norm_of_what_every_head_adds(tiny_model, random_examples, padded, with_attention):
    model = tiny_model()
    inputs = padded(model, random_examples([7]))
    found = edge_scores(model, "transformed_norm", **inputs, target=0)[0, 0]
    probs = with_attention(model, inputs)[1][0][0].detach()
    layer = model.bert.encoder.layer[0].attention
    states = model.bert.embeddings(inputs["input_ids"], inputs["token_type_ids"])
    values = layer.self.value(states)[0].detach()
    for head in range(4):
        own = slice(8 * head, 8 * head + 8)
        length = (values[:, own] @ layer.output.dense.weight[:, own].T.detach()).norm(dim=-1)
        torch.testing.assert_close(found[head], probs[head] * length)


def test_recipe_it_is_held_against_knock_outs(tiny_model, random_examples, section):
    settings = section("truth", levels=["pairs", "edges"])
    rows = outcomes(tiny_model(), random_examples([5]), settings=settings, seed=1, token_budget="auto").outcomes
    assert {row["level"] for row in rows if row["method"] == "transformed_norm"} == {"pairs", "edges"}


def test_recipe_it_has_a_name_and_a_line():
    assert named("transformed_norm") == method_style("transformed_norm").label == "transformed norm"
