import json
import re

import pytest
import torch
import transformers
from safetensors.torch import load_file

from pipeline.attattr.families import FAMILIES
from pipeline.data.checkpoint import max_positions, model_location
from pipeline.data.weights import check_weights, load_model, model_name
from pipeline.errors import InputError
from pipeline.values.inputs import Model

NOTHING = dict.fromkeys(("layers", "heads", "hidden", "intermediate", "initializer_range", "dropout", "revision"))


def folder(name="mine"):
    fixed = name.split("{")[0].rpartition("/")[0] if "{" in name else name
    dep = "external/models" + (f"/{fixed}" if fixed else "")
    return Model(source="folder", dep=dep, name=name, **NOTHING)


def scratch(**changes):
    sizes = {"layers": 2, "heads": 4, "hidden": 32, "intermediate": 48, "initializer_range": 0.1, "dropout": 0.0}
    return Model(source="scratch", dep="pipeline/data/planted.py", name=None, revision=None, **{**sizes, **changes})


@pytest.fixture
def models(tmp_path, monkeypatch):
    """external/models below a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "external" / "models"
    path.mkdir(parents=True)
    return path


def save(model, path):
    model.save_pretrained(path)
    return path


def refusal(model, task="rte", *, trained=False):
    with pytest.raises(InputError) as caught:
        check_weights(model, task, seed=1, trained=trained)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_of_the_right_number_of_labels_passes(models, tiny_model, family):
    save(tiny_model(family, labels=2), models / "mine")
    for trained in (True, False):
        check_weights(folder(), "rte", seed=1, trained=trained)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_of_another_number_of_labels_is_refused(models, tiny_model, family):
    save(tiny_model(family, labels=3), models / "mine")
    assert refusal(folder()) == "external/models/mine is a classifier of 3 labels, but rte has 2"
    check_weights(folder(), "mnli", seed=1, trained=True)


def test_an_encoder_alone_is_fine_to_train_and_refused_to_use_as_it_is(models, tiny_model):
    save(tiny_model().bert, models / "mine")
    check_weights(folder(), "rte", seed=1, trained=False)
    check_weights(folder(), "mnli", seed=1, trained=False)
    message = refusal(folder(), trained=True)
    assert message == "external/models/mine has no classifier, and finetune.epochs is 0: fine-tune it"


def test_a_folder_without_weights_is_refused(models, tiny_model):
    tiny_model().config.save_pretrained(models / "mine")
    assert refusal(folder()) == "external/models/mine holds no weights: it needs model.safetensors"


def test_a_folder_without_config_is_refused(models):
    (models / "mine").mkdir()
    assert "external/models/mine has no readable config.json" in refusal(folder())


def test_a_config_that_is_no_json_is_refused(models):
    (models / "mine").mkdir()
    (models / "mine" / "config.json").write_text("{")
    assert "external/models/mine has no readable config.json" in refusal(folder())


def test_weights_that_cannot_be_read_are_refused(models, tiny_model):
    path = save(tiny_model(labels=2), models / "mine") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert "external/models/mine" in refusal(folder())


@pytest.mark.parametrize("family", ["deberta-v2", "mpnet"])
def test_an_unsupported_family_is_refused_with_the_list(models, family):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = transformers.AutoConfig.for_model(family, vocab_size=60, **sizes)
    save(transformers.AutoModelForSequenceClassification.from_config(config), models / "mine")
    message = refusal(folder())
    assert message == f"external/models/mine is of family {family}: use one of {', '.join(FAMILIES)}"


def test_a_missing_folder_is_refused(models):
    assert refusal(folder("{task}/{seed}")) == (
        "model.name is {task}/{seed}, but external/models/rte/1 is not a folder"
    )


def test_placeholders_name_the_task_and_the_seed(models):
    for name in ("rte-1", "rte-12", "rte-2", "mnli-1"):
        (models / name).mkdir()
    assert model_location(folder("{task}-{seed}"), "rte", 2) == "external/models/rte-2"
    # The tokenizer is the same for all seeds: any folder serves.
    assert model_location(folder("{task}-{seed}"), "rte") == "external/models/rte-1"
    assert model_location(folder("{task}-{seed}"), "mnli") == "external/models/mnli-1"
    with pytest.raises(InputError, match=re.escape("external/models/sst2-* is not a folder")):
        model_location(folder("{task}-{seed}"), "sst2")


def test_a_model_from_scratch_needs_no_check(models):
    check_weights(scratch(), "negation", seed=1, trained=True)
    assert max_positions(scratch(), "negation") is None


def test_sharded_and_old_style_weights_count_as_weights(models, tiny_model):
    model = tiny_model(labels=3)
    model.save_pretrained(models / "sharded", max_shard_size="20KB")
    assert (models / "sharded" / "model.safetensors.index.json").is_file()
    check_weights(folder("sharded"), "mnli", seed=1, trained=True)
    assert "is a classifier of 3 labels, but rte has 2" in refusal(folder("sharded"))
    model.config.architectures = ["BertForSequenceClassification"]
    model.config.save_pretrained(models / "old")
    torch.save(model.state_dict(), models / "old" / "pytorch_model.bin")
    check_weights(folder("old"), "mnli", seed=1, trained=True)
    assert "is a classifier of 3 labels, but rte has 2" in refusal(folder("old"))


# ModernBERT computes its positions and takes any length.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "modernbert"])
def test_the_longest_input_is_what_the_model_really_takes(models, tiny_model, family):
    model = tiny_model(family)
    save(model, models / "mine")
    longest = max_positions(folder(), "rte")
    with torch.no_grad():
        assert model(input_ids=torch.full((1, longest), 7)).logits.isfinite().all()
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, longest + 1), 7))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A model of the hub, which cannot be reached and must not be asked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("pipeline.data.sources.require_answer", lambda _: pytest.fail("the hub was asked"))
    return Model(source="hub", dep="pipeline/data/sources.py", name="google-bert/bert-base-cased", **NOTHING)


def test_a_model_of_an_unreachable_hub_is_refused_at_once_in_one_line(hub):
    assert refusal(hub).startswith("HF_HUB_OFFLINE is set, and the model google-bert/bert-base-cased is not cached")
    with pytest.raises(InputError, match="google-bert/bert-base-cased is not cached"):
        max_positions(hub, "rte")


def test_a_folder_of_the_hubs_name_stands_in_for_it(hub, tiny_model, tmp_path):
    original = tiny_model(labels=2)
    save(original, tmp_path / "google-bert" / "bert-base-cased")
    check_weights(hub, "rte", seed=1, trained=True)
    assert max_positions(hub, "rte") == 40
    assert all(same(load(hub), original))


def test_results_are_labelled_with_the_weights_name():
    assert model_name(folder("{task}/seed-{seed}"), "rte", 3) == "rte/seed-3"
    assert model_name(folder("mine"), "rte", 3) == "mine"
    assert "2 layers" in model_name(scratch(), "negation", 1)
    assert "4 heads" in model_name(scratch(), "negation", 1)


def load(model, task="rte", seed=1):
    return load_model(model, task, seed=seed, vocabulary=60, max_length=16)


def same(first, second):
    return [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]


def test_a_half_precision_checkpoint_is_loaded_in_float32(models, tiny_model):
    original = tiny_model(labels=2)
    save(original.half(), models / "mine")
    stored = load_file(models / "mine" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert json.loads((models / "mine" / "config.json").read_text())["dtype"] == "float16"
    model = load(folder())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    for name, tensor in model.state_dict().items():
        if name in stored:
            assert torch.equal(tensor, stored[name].float())


def test_the_labels_are_the_tasks(models, tiny_model):
    save(tiny_model().bert, models / "mine")
    assert load(folder(), "mnli").config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert load(folder(), "mnli").config.num_labels == 3
    assert load(folder(), "sst2").config.label2id == {"negative": 0, "positive": 1}
    assert load(scratch(), "inference").config.id2label[2] == "contradiction"


def test_a_new_classifier_is_drawn_from_the_seed(models, tiny_model):
    save(tiny_model().bert, models / "mine")
    first, again, other = load(folder(), seed=1), load(folder(), seed=1), load(folder(), seed=2)
    assert all(same(first, again))
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert all(same(first.bert, other.bert))


def test_a_stored_classifier_is_kept(models, tiny_model):
    original = tiny_model(labels=2)
    save(original, models / "mine")
    assert all(same(load(folder(), seed=1), original))
    assert all(same(load(folder(), seed=2), original))


def test_a_model_from_scratch_is_drawn_from_the_seed_and_has_the_sizes_asked_for():
    first, other = load(scratch(), "negation", seed=1), load(scratch(), "negation", seed=2)
    torch.manual_seed(123)
    again = load(scratch(), "negation", seed=1)
    assert all(same(first, again))
    assert not torch.equal(first.bert.pooler.dense.weight, other.bert.pooler.dense.weight)
    assert len(first.bert.encoder.layer) == 2
    assert first.bert.embeddings.word_embeddings.weight.shape == (60, 32)
    assert first.bert.embeddings.position_embeddings.weight.shape == (16, 32)
    assert first.bert.encoder.layer[0].intermediate.dense.weight.shape == (48, 32)
    assert first.config.num_attention_heads == 4
    spread = float(load(scratch(initializer_range=0.5), "negation").bert.pooler.dense.weight.std())
    assert spread == pytest.approx(0.5, rel=0.1)
    dropped = load(scratch(dropout=0.3), "negation")
    assert {m.p for m in dropped.modules() if isinstance(m, torch.nn.Dropout)} == {0.3}
