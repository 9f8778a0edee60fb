"""Run with docs/extending/method.diff applied: Fisher information against slopes by finite differences."""

import torch
from torch.nn.functional import cross_entropy

from pipeline.analysis.methods import named
from pipeline.experiments.prune import head_importance
from pipeline.reporting.style import method_style
from pipeline.values.presets import compose_params
from pipeline.values.store import write_rows

WIDTH = 1e-4


def test_recipe_the_mean_square_of_every_heads_slope(tmp_path, tiny_model, random_examples, padded, without_heads):
    model, examples = tiny_model(), random_examples([6, 9, 4])
    write_rows(tmp_path / "heads.parquet", [{"split": "importance", "example_id": "e-0", "target": "gold"}])
    settings = compose_params(["preset=mini", "prune.methods=[attribution,fisher]"]).prune
    assert "fisher" in compose_params(["preset=mini"]).prune.methods
    only = settings.model_copy(update={"methods": ("fisher",)})
    found = head_importance(model, examples, tmp_path, settings=only, token_budget=64)["fisher"]

    def loss(example, keep):
        logits = without_heads(model.double(), keep)(**padded(model, [example])).logits
        return cross_entropy(logits, torch.tensor([example.label])).detach()

    layers, heads = found.shape
    for layer in range(layers):
        for head in range(heads):
            step = torch.zeros(layers, heads, dtype=torch.float64)
            step[layer, head] = WIDTH
            slopes = [(loss(one, 1 + step) - loss(one, 1 - step)) / (2 * WIDTH) for one in examples]
            expected = torch.stack(slopes).square().mean()
            assert torch.isclose(found[layer, head].double(), expected, rtol=1e-3, atol=1e-7)


def test_recipe_it_has_a_name_and_a_line():
    assert named("fisher") == method_style("fisher").label == "Fisher information"
