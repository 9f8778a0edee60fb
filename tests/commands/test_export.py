"""`export`: what it writes, says and refuses."""

import json
import re

import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer, BertTokenizer

from pipeline.commands.explain import main as explain
from pipeline.commands.export import main
from pipeline.values.store import write_rows


@pytest.fixture
def finished(workspace, tiny_model, random_examples):
    """A run's model of three layers with the files that `export` reads; by `attribution` head 0 matters least."""
    model = tiny_model(layers=3, labels=2)
    model.save_pretrained(workspace / "outputs/models/negation-1")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(55))]
    tokenizer = BertTokenizer(vocab={name: number for number, name in enumerate(names)})
    tokenizer.save_pretrained(workspace / "outputs/models/negation-1")
    for name in ("dev", "train"):
        rows = [vars(example) for example in random_examples([6, 9, 7, 12, 5, 8], labels=2)]
        write_rows(workspace / f"outputs/data/negation-1/{name}.parquet", rows)
    rows = [
        {"task": "negation", "seed": 1, "method": "attribution", "normalise": "none"}
        | {"layer": layer, "head": head, "importance": 10 * head + layer}
        for layer in range(3)
        for head in range(4)
    ]
    (workspace / "outputs/prune/negation-1").mkdir(parents=True)
    pd.DataFrame(rows).to_csv(workspace / "outputs/prune/negation-1/importance.csv", index=False)
    return workspace


ARGUMENTS = ["--task", "negation", "--rate", "0.25"]


def opened(folder, kept):
    config = json.loads((folder / "config.json").read_text())
    assert config["kept_heads"] == kept
    assert (folder / "modeling_pruned.py").is_file()
    return AutoTokenizer.from_pretrained(folder)


def test_the_least_important_heads_are_gone(finished, capsys):
    main([*ARGUMENTS, "small"])
    assert len(opened(finished / "small", [[1, 2, 3]] * 3)) == 60
    out = capsys.readouterr().out
    assert "9 of 12 heads, attribution; 6 dev examples" in out
    assert "pruned" in out
    assert "fine-tuned" not in out


def test_the_card_says_what_was_removed_what_it_cost_and_how_to_open_it(finished, capsys):
    main([*ARGUMENTS, "small"])
    card = (finished / "small/README.md").read_text()
    assert "The sequence classifier of negation, seed 1 (preset mini" in card
    assert "without 3 of its 12 attention heads" in card
    said = re.findall(r"^(whole|pruned) .* ([\d.]+) M parameters +accuracy +([\d.]+) %$", capsys.readouterr().out, re.M)
    assert re.findall(r"^\| (whole|pruned) \| ([\d.]+) M \| ([\d.]+) % \|$", card, re.M) == said
    assert len(said) == 2
    assert 'AutoModelForSequenceClassification.from_pretrained("small", trust_remote_code=True)' in card
    assert re.findall(r"^\| (\d) \| ([\d, ]+|none) \|$", card, re.M) == [("1", "1"), ("2", "1"), ("3", "1")]


def test_explain_opens_it_and_says_that_it_is_pruned(finished, capsys):
    main([*ARGUMENTS, "small"])
    (finished / "small/modeling_pruned.py").write_text("raise SystemExit('this code was run')")
    capsys.readouterr()
    explain(["--model", "small", "3 4 5", "--html", "page.html"])
    out, error = capsys.readouterr()
    assert "small: pruned, 9 of 12 heads left" in error
    assert "Strongest edges" in out
    assert "<h1>Self-attention attribution: pruned, 9 of 12 heads left" in (finished / "page.html").read_text()


def test_a_random_choice_is_the_stages_first_random_order(finished):
    main([*ARGUMENTS, "--method", "random", "small"])
    kept = json.loads((finished / "small/config.json").read_text())["kept_heads"]
    assert sum(map(len, kept)) == 9
    assert kept != [[1, 2, 3]] * 3


def test_it_can_be_fine_tuned_before_it_is_saved(finished, capsys):
    main([*ARGUMENTS, "plain"])
    main([*ARGUMENTS, "--epochs", "2", "tuned"])
    opened(finished / "tuned", [[1, 2, 3]] * 3)
    assert "fine-tuned" in capsys.readouterr().out
    plain, tuned = ((finished / name / "model.safetensors").read_bytes() for name in ("plain", "tuned"))
    assert len(plain) == len(tuned)
    assert plain != tuned


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (["--rate", "1.5"], "--rate is 1.5, but must lie between 0 and 1"),
        (["--epochs", "-1"], "--epochs is -1, but must be at least 0"),
        (["--method", "taylor"], "importance.csv has no taylor with normalise none: it has attribution, with none"),
        (["--normalise", "l2"], "importance.csv has no attribution with normalise l2"),
        (["--task", "rte"], "there is no model of rte, seed 1: this run has negation, inference, seeds 1"),
        (["--seed", "4"], "there is no model of negation, seed 4: this run has negation, inference, seeds 1"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(finished, capsys, exit_code, changes, line):
    assert exit_code(main, [*ARGUMENTS, *changes, "small"]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (finished / "small").exists()


def test_a_folder_that_is_there_is_left_alone(finished, capsys, exit_code):
    (finished / "small").mkdir()
    assert exit_code(main, [*ARGUMENTS, "small"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert not any((finished / "small").iterdir())


@pytest.mark.parametrize("out", ["params.yaml/small", "link", "x" * 256])
def test_a_folder_that_cannot_be_made_is_found_before_the_model_is_loaded(finished, capsys, exit_code, out):
    (finished / "link").symlink_to("nowhere")
    before = set(finished.rglob("*"))
    # There is no such model either.
    assert exit_code(main, [*ARGUMENTS, "--task", "rte", out]) == 2
    assert re.fullmatch(rf"error: {out} (cannot be written|is there already): [^\n]+\n", capsys.readouterr().err)
    assert set(finished.rglob("*")) == before


def test_nothing_is_written_if_the_logits_are_not_the_masked_models(finished, monkeypatch):
    def spoilt(model, mask):
        with torch.no_grad():
            model.classifier.bias.add_(0.5)
        return model

    monkeypatch.setattr("pipeline.exporting.pruned.pruned", spoilt)
    with pytest.raises(RuntimeError, match="nothing was written"):
        main([*ARGUMENTS, "small"])
    assert not (finished / "small").exists()
