"""What the notebooks computed on a finished run, against the model itself and the files of the run."""

import json
import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from matplotlib.patches import FancyArrowPatch
from nbclient import NotebookClient
from transformers import AutoModelForSequenceClassification

from attattr import masked_heads
from pipeline.errors import InputError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@torch.no_grad()
def probabilities(model, **batch):
    return model(**batch).logits.softmax(dim=-1)[0]


def drawn_lines(figure):
    return [np.asarray(line.get_ydata(), float) for ax in figure.axes for line in ax.lines]


def is_drawn(expected, figure):
    return any(line.shape == expected.shape and np.allclose(line, expected) for line in drawn_lines(figure))


@pytest.mark.parametrize("newest", ["negation", "inference"])
def test_01_explains_a_text_of_the_newest_model(finished, execute, newest):
    other = {"negation": "inference", "inference": "negation"}[newest]
    for age, task in enumerate([newest, other]):
        os.utime(finished / f"outputs/models/{task}-1/model.safetensors", (1e9 - age, 1e9 - age))
    done = execute("01_attribution", finished)
    view, explanation, model = done.names["explained"].views[0], done.names["explanation"], done.names["model"]
    assert (done.names["task"], done.names["seed"]) == (newest, 1)
    assert len(done.shown) <= 5

    first = pd.read_parquet(finished / f"outputs/data/{newest}-1/dev.parquet").iloc[0]
    assert done.names["tokenizer"].convert_tokens_to_ids(view.tokens) == first["input_ids"].tolist()
    batch = {name: torch.tensor(first[name])[None] for name in ("input_ids", "token_type_ids")}
    whole = probabilities(model, **batch)
    assert view.probabilities == pytest.approx(whole.tolist(), abs=1e-5)

    # Without all heads of a layer its attention is zero: the model's own forward pass gives the truth.
    table = done.shown[-1]
    for layer in range(len(table)):
        mask = torch.ones(explanation.attribution.shape[:2])
        mask[layer] = 0
        change = float((whole - probabilities(masked_heads(model, mask), **batch))[view.predicted])
        assert abs(change) > 1e-4, "the model must depend on its attention"
        assert table["change of the probability"][layer + 1] == pytest.approx(change, abs=1e-5)
        scale = float(explanation.attribution[layer].abs().sum())
        assert table["scores sum to"][layer + 1] == pytest.approx(change, abs=0.02 * scale)

    tree = explanation.trees[40]  # which the page shows
    assert tree.edges
    for edge in tree.inner:
        assert edge.value > 0.4 * float(explanation.head_sum[edge.layer].max())
    # A token that occurs several times is numbered.
    assert f": {len(tree.inner)} edge" in done.printed[-2]
    assert re.search(rf"; {re.escape(view.tokens[tree.root])}(\(\d+\))? reads most\n", done.printed[-2])
    page = next(value for value in done.shown if hasattr(value, "_repr_html_"))._repr_html_()
    assert page.startswith("<iframe")
    assert all(token in page for token in view.tokens)


def test_02_ranks_prunes_and_exports_the_heads(finished, execute, without_heads):
    names = (done := execute("02_heads", finished)).names
    stored = pd.read_csv(finished / "outputs/prune/negation-1/importance.csv")
    own = stored[(stored["method"] == names["method"]) & (stored["normalise"] == "none")]
    own = own.pivot(index="layer", columns="head", values="importance").to_numpy()
    # The notebook's sample holds all examples of so small a run; how they are batched may move a score within 1 %.
    assert names["importance"].numpy() == pytest.approx(own, rel=0.02)

    kept = names["mask"].numpy() > 0
    assert kept.sum() == kept.size / 2
    assert own[kept].min() >= own[~kept].max()

    assert torch.allclose(names["exported"], names["masked"], atol=1e-5)
    assert not torch.allclose(names["whole"], names["masked"], atol=1e-3)
    rebuilt = without_heads(names["model"], names["mask"])
    for example, logits in zip(names["dev"], names["exported"], strict=True):
        inputs = {"input_ids": example.input_ids, "token_type_ids": example.token_type_ids}
        with torch.no_grad():
            expected = rebuilt(**{name: torch.tensor([values]) for name, values in inputs.items()}).logits[0]
        assert torch.allclose(logits, expected, atol=1e-4)

    # The stage has masked the same heads.
    outcomes = pd.read_parquet(finished / "outputs/prune/negation-1/outcomes.parquet")
    outcomes = outcomes[(outcomes["method"] == names["method"]) & (outcomes["normalise"] == "none")]
    right = (outcomes["label"] == outcomes["predicted"]).groupby(outcomes["rate"]).mean() * 100
    assert names["comparison"]["accuracy, %"]["masked"] == pytest.approx(right[names["rate"]])
    assert names["comparison"]["accuracy, %"]["whole"] == pytest.approx(right[0.0])
    assert is_drawn(right.to_numpy(), done.shown[3])


def test_03_reads_what_masking_all_but_the_tree_came_to(finished, execute, with_attention):
    names = execute("03_tree", finished).names
    views, table = names["views"], names["table"]
    model = AutoModelForSequenceClassification.from_pretrained(finished / "outputs/models/negation-1")
    dev = pd.read_parquet(finished / "outputs/data/negation-1/dev.parquet").set_index("example_id")

    def probability(example, view, mask):
        """Of the predicted class, layer by layer under the mask, by a plain forward pass."""
        inputs = {name: torch.tensor(example[name])[None] for name in ("input_ids", "token_type_ids")}
        given = {}
        for layer in range(len(mask)):
            given[layer] = with_attention(model, inputs, given)[1][layer].detach() * mask[layer]
        return float(with_attention(model, inputs, given)[0].detach().softmax(dim=-1)[0, view.predicted])

    params = yaml.safe_load((finished / "params.yaml").read_text())
    assert len(views) == params["view"]["n_examples"]
    assert table.index.tolist() == params["tree"]["tau_grid"]
    for tau in (table.index[0], 0.4):
        brought, lost, edges = 0.0, 0.0, 0
        for view in views:
            example, explanation = dev.loc[view.name], view.explanations[0]
            layers, n, _ = explanation.head_sum.shape
            own = torch.eye(n).repeat(layers, 1, 1)
            tree = own.clone()
            for edge in explanation.trees[round(100 * tau)].edges:
                tree[edge.layer, edge.query, edge.key] = 1
            nothing = probability(example, view, own)
            lost += probability(example, view, torch.ones_like(own)) - nothing
            brought += probability(example, view, tree) - nothing
            edges += int((tree - own)[:-1].sum())
        assert abs(lost) > 1e-4, "the model must depend on its edges"
        assert table["recovered"][tau] == pytest.approx(brought / lost, abs=1e-3)
        assert table["edges"][tau] == pytest.approx(edges / len(views))
    assert np.allclose(table["excess"], table["recovered"] - table["random"])

    explanation = views[0].explanations[0]
    drawn = []
    for tau, ax in zip(names["taus"], names["figure"].axes, strict=True):
        assert ax.get_title(loc="left").startswith(f"τ = {tau}, ")
        inner = explanation.trees[round(100 * tau)].inner
        assert all(edge.value > tau * float(explanation.head_sum[edge.layer].max()) for edge in inner)
        drawn.append(sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches))
        assert drawn[-1] == len(inner)
    assert drawn[0] > drawn[1] > 0


def test_04_reads_claims_and_draws_figures_of_the_run(finished, execute):
    done = execute("04_results", finished)
    rules = yaml.safe_load((ROOT / "pipeline/analysis/rules.yaml").read_text())["rules"]
    claims = json.loads((finished / "outputs/analysis/claims/records.json").read_text())["records"]
    lines = done.shown[1].data.splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == [rule["id"] for rule in rules]
    assert all(claim["verdict"] in line for claim, line in zip(claims, lines, strict=True))

    def accuracy(stage, by, **chosen):
        outcomes = pd.read_parquet(finished / f"outputs/{stage}/negation-1/outcomes.parquet")
        for column, value in chosen.items():
            outcomes = outcomes[outcomes[column] == value]
        found = ((outcomes["label"] == outcomes["predicted"]).groupby(outcomes[by]).mean() * 100).to_numpy()
        assert len(set(found)) > 1, "a flat line is like any other"
        return found

    for method in ("attribution", "attention"):
        assert is_drawn(accuracy("prune", "rate", method=method, normalise="none"), done.names["pruning"])
    labels = {text.get_text() for text in done.names["pruning"].legends[0].get_texts()}
    assert {"attribution", "attention"} <= labels
    assert "output norm" not in labels
    for direction in ("lowest_first", "highest_first"):
        expected = accuracy("effectiveness", "k", method="attribution_predicted", direction=direction)
        assert is_drawn(expected, done.names["effectiveness"])


def test_05_counts_what_the_stage_found(finished, execute):
    done = execute("05_truth", finished)
    outcomes = pd.read_parquet(finished / "outputs/planted_paths/1/outcomes.parquet")
    first = outcomes[outcomes["example_id"] == "dev-0"].set_index(["method", "design"])["auroc"]
    counted = done.names["counted"]
    assert set(counted) == set(first.index)
    assert len(set(counted.values())) > 1, "the scores must not all agree"
    for key, value in counted.items():
        assert value == pytest.approx(first[key]), key
    models = json.loads((finished / "outputs/planted_paths/1/models.json").read_text())["models"]
    for one, line in zip(models, done.printed[0].splitlines(), strict=True):
        assert line == f"{one['design']}, seed 1: {one['correct']} of {one['n']} texts labelled right"
    word = json.loads((finished / "outputs/shortcut/negation-1/word.json").read_text())["word"]
    assert f"negation, seed 1: “{word}”" in done.printed[-1]


def test_a_kernel_shows_tables_and_figures(finished, tmp_path):
    """One of them as Jupyter runs it, from the folder of the run: magic and pictures are the kernel's."""
    notebook = nbformat.read(ROOT / "notebooks/04_results.ipynb", as_version=4)
    place = {"metadata": {"path": str(finished)}}
    settings = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=place)
    client.execute(env={**os.environ, **settings})
    kinds = [kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())]
    assert kinds.count("text/markdown") == 2
    assert kinds.count("image/png") == 2


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_without_a_run_it_says_what_to_run(finished, execute, tmp_path, name):
    for file in ("dvc.yaml", "params.yaml"):
        (tmp_path / file).write_bytes((finished / file).read_bytes())
    with pytest.raises(InputError, match="run"):
        execute(name, tmp_path)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_committed_notebooks_hold_no_outputs(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_there_are_five():
    assert [name[:2] for name in NOTEBOOKS] == ["01", "02", "03", "04", "05"]
