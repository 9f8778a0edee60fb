"""Initial weights: what is loaded of a checkpoint, and what is refused in one line."""

import json
import logging
import os

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from attattr.families import FAMILIES
from pipeline.data.checkpoint import max_positions, model_location
from pipeline.data.weights import load_model, model_name
from pipeline.errors import InputError
from pipeline.values.inputs import Model, model_dep
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()

NOTHING_OUTSIDE = model_dep("scratch", None)
NOTHING = dict.fromkeys(("layers", "heads", "hidden", "intermediate", "initializer_range", "dropout", "revision"))
ENCODER = "save its encoder alone (model.base_model.save_pretrained) to train a new classifier"
WHOLE = "save it whole, with save_pretrained, or use another checkpoint"


def folder(name="mine"):
    return Model(source="folder", dep=model_dep("folder", name), name=name, **NOTHING)


def scratch(**changes):
    sizes = {"layers": 2, "heads": 4, "hidden": 32, "intermediate": 48, "initializer_range": 0.1, "dropout": 0.0}
    return Model(source="scratch", dep=NOTHING_OUTSIDE, name=None, revision=None, **{**sizes, **changes})


@pytest.fixture
def models(tmp_path, monkeypatch):
    """external/models below a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "external" / "models"
    path.mkdir(parents=True)
    return path


def save(model, path, **config):
    """Save a model, and change its config.json; None takes a key out."""
    model.save_pretrained(path)
    stored = json.loads((path / "config.json").read_text()) | config
    (path / "config.json").write_text(json.dumps({key: value for key, value in stored.items() if value is not None}))
    return path


def respell(path, change):
    """Change the stored weights of a checkpoint."""
    save_file(change(load_file(path / "model.safetensors")), path / "model.safetensors", metadata={"format": "pt"})


def named(*names):
    return {"id2label": {str(number): name for number, name in enumerate(names)}, "label2id": None}


def load(model, task="rte", *, seed=1, epochs=1):
    return load_model(model, task, TASKS[task].labels, seed=seed, epochs=epochs, vocabulary=60, max_length=16)


def same(first, second):
    return [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]


def refusal(model, task="rte", *, epochs=1):
    with pytest.raises(InputError) as caught:
        load(model, task, epochs=epochs)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# A stored classifier: its size, kind and the order of its labels.


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stored_classifier_is_kept(models, tiny_model, family):
    original = tiny_model(family, labels=2)
    save(original, models / "mine")
    for epochs in (0, 1):
        assert all(same(load(folder(), epochs=epochs), original))


@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_in_another_order_are_put_in_the_tasks(models, tiny_model, family, caplog):
    original = tiny_model(family, labels=3)
    save(original, models / "mine", **named("CONTRADICTION", "Entailment", "neutral"))
    ids = torch.randint(5, 60, (4, 7), generator=torch.Generator().manual_seed(0))
    with caplog.at_level(logging.INFO, "pipeline.data.weights"), torch.no_grad():
        for epochs in (0, 1):
            model = load(folder(), "mnli", epochs=epochs)
            expected = original(input_ids=ids).logits[:, [1, 2, 0]]
            assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-6)
    assert model.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    taken = {"entailment": "1 Entailment", "neutral": "2 neutral", "contradiction": "0 CONTRADICTION"}
    assert model.config.checkpoint_labels == taken
    line = ", ".join(f"{label} is output {output}" for label, output in taken.items())
    assert [record.getMessage() for record in caplog.records] == 2 * [f"external/models/mine: {line}"]


def test_the_mapping_is_saved_and_the_saved_model_has_the_tasks_order(models, tiny_model):
    save(tiny_model(labels=2), models / "mine", **named("POSITIVE", "NEGATIVE"))
    once = load(folder(), "sst2", epochs=0)
    once.save_pretrained(models / "again")
    stored = json.loads((models / "again" / "config.json").read_text())
    assert stored["checkpoint_labels"] == {"negative": "1 NEGATIVE", "positive": "0 POSITIVE"}
    assert stored["id2label"] == {"0": "negative", "1": "positive"}
    twice = load(folder("again"), "sst2", epochs=0)
    assert all(same(once, twice))
    assert twice.config.checkpoint_labels == {"negative": "0 negative", "positive": "1 positive"}
    once.base_model.save_pretrained(models / "encoder")
    assert not hasattr(load(folder("encoder"), "sst2").config, "checkpoint_labels")


def test_names_that_say_nothing_are_warned_of(models, tiny_model, caplog):
    original = tiny_model(labels=2)
    save(original, models / "mine")
    model = load(folder(), "sst2", epochs=0)
    assert all(same(model, original))
    assert not hasattr(model.config, "checkpoint_labels")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "external/models/mine does not name its labels (id2label of its config.json): "
        "its outputs are taken to be negative, positive, in this order"
    )


def test_names_of_another_task_are_refused(models, tiny_model):
    save(tiny_model(labels=2), models / "mine", **named("unacceptable", "acceptable"))
    for epochs in (0, 1):
        assert refusal(folder(), "sst2", epochs=epochs).startswith(
            "external/models/mine names its labels unacceptable, acceptable, which are not negative, positive of sst2: "
        )


def test_a_classifier_of_another_number_of_labels_is_refused(models, tiny_model):
    for family in FAMILIES:
        save(tiny_model(family, labels=3), models / family)
        line = f"external/models/{family} is a classifier of 3 labels, but rte has 2: {ENCODER}"
        assert [refusal(folder(family), epochs=epochs) for epochs in (0, 1)] == [line, line]


@pytest.mark.parametrize("config", [{}, {"problem_type": "regression"}])
def test_a_regression_is_refused(models, tiny_model, config):
    save(tiny_model(labels=1), models / "mine", **config)
    assert refusal(folder()) == f"external/models/mine is a regression of one number, but rte has 2: {ENCODER}"


@pytest.mark.parametrize("kind", ["regression", "multi_label_classification"])
def test_outputs_that_are_no_classes_are_refused(models, tiny_model, kind):
    save(tiny_model(labels=2), models / "mine", problem_type=kind, **named("entailment", "not_entailment"))
    line = f"external/models/mine has problem_type {kind}, whose outputs are no classes: {ENCODER}"
    assert [refusal(folder(), epochs=epochs) for epochs in (0, 1)] == [line, line]
    save(tiny_model(labels=2), models / "mine", problem_type="single_label_classification")
    load(folder())


@pytest.mark.parametrize("kind", ["regression", "multi_label_classification"])
def test_the_encoder_of_such_a_model_gets_a_classifier_of_classes(models, tiny_model, kind):
    save(tiny_model(labels=2).base_model, models / "mine", problem_type=kind)
    assert load(folder()).config.problem_type == "single_label_classification"


def test_a_classifier_of_tokens_is_refused(models, tiny_model):
    save(tiny_model(labels=2), models / "mine", architectures=["BertForTokenClassification"])
    line = f"external/models/mine is a BertForTokenClassification, whose classifier is not of whole texts: {ENCODER}"
    assert refusal(folder()) == line


def test_a_classifier_that_pools_all_tokens_is_refused_and_a_new_one_reads_the_first(models, tiny_model):
    model = tiny_model("modernbert", labels=2)
    save(model, models / "mine", classifier_pooling="mean")
    assert "has classifier_pooling mean, but attribution reads the first token" in refusal(folder())
    save(model.model, models / "encoder", classifier_pooling="mean")
    assert load(folder("encoder")).config.classifier_pooling == "cls"


# What a checkpoint has to hold.


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_alone_is_fine_to_train_and_refused_to_use_as_it_is(models, tiny_model, family):
    encoder = tiny_model(family).base_model
    save(encoder, models / "mine")
    first, again, other = load(folder(), seed=1), load(folder(), seed=1), load(folder(), seed=2)
    assert all(same(first, again))
    assert all(same(first.base_model, encoder))
    drawn = [name for name, _ in first.named_parameters() if not name.startswith(f"{first.base_model_prefix}.")]
    assert not any(torch.equal(first.get_parameter(n), other.get_parameter(n)) for n in drawn if n.endswith("t.weight"))
    line = "external/models/mine has no classifier, and finetune.epochs is 0: fine-tune it"
    assert refusal(folder(), epochs=0) == line


def test_a_language_model_without_pooling_is_fine_to_train(models, tiny_model):
    config = tiny_model(labels=2).config
    language_model = transformers.BertForMaskedLM(config)
    save(language_model, models / "mine")
    model = load(folder())
    assert all(same(model.bert.encoder, language_model.bert.encoder))


def without(*parts):
    return lambda weights: {name: value for name, value in weights.items() if not any(part in name for part in parts)}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            without("layer.1."),
            "lacks weights, bert.encoder.layer.1.attention.output.LayerNorm.bias, "
            "bert.encoder.layer.1.attention.output.LayerNorm.weight, "
            "bert.encoder.layer.1.attention.output.dense.bias and 13 more",
        ),
        (without("classifier.bias"), "lacks weights, classifier.bias"),
        (without("pooler"), "lacks weights, bert.pooler.dense.bias, bert.pooler.dense.weight"),
        (without("classifier", "word_embeddings"), "lacks weights, bert.embeddings.word_embeddings.weight"),
        (
            lambda w: {f"module.{name}": value for name, value in w.items()},
            "holds weights that its model does not have",
        ),
        (
            lambda w: w | {"bert.encoder.layer.0.attention.self.query.lora_A.weight": torch.ones(2, 2)},
            "holds weights that its model does not have, bert.encoder.layer.0.attention.self.query.lora_A.weight",
        ),
        (lambda w: w | {"classifier.dense.weight": torch.ones(2)}, "does not have, classifier.dense.weight"),
        (
            lambda w: w | {"bert.pooler.dense.bias": torch.full((32,), torch.nan)},
            "holds weights that are not finite, bert.pooler.dense.bias",
        ),
    ],
)
def test_weights_that_are_missing_foreign_or_not_finite_are_named(models, tiny_model, change, line):
    respell(save(tiny_model(labels=2), models / "mine"), change)
    message = refusal(folder(), epochs=1)
    assert message.startswith("external/models/mine ")
    assert line in message
    assert message.endswith(f": {WHOLE}")


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"num_hidden_layers": 1}, "holds weights that its model does not have, bert.encoder.layer.1."),
        ({"num_hidden_layers": 3}, "lacks weights, bert.encoder.layer.2."),
        ({"vocab_size": 61}, "holds bert.embeddings.word_embeddings.weight as (60, 32), but its config says (61, 32)"),
        ({"intermediate_size": 64}, "intermediate.dense.bias as (48,) and 5 more, but its config says (64,)"),
    ],
)
def test_weights_of_another_size_than_the_config_says_are_refused(models, tiny_model, config, line):
    save(tiny_model(labels=2), models / "mine", **config)
    assert line in refusal(folder())


@pytest.mark.parametrize(
    "extra",
    [
        {"bert.embeddings.position_ids": torch.arange(40)[None]},
        {"cls.predictions.bias": torch.ones(60), "cls.seq_relationship.weight": torch.ones(2, 32)},
    ],
)
def test_buffers_of_older_checkpoints_and_heads_of_pretraining_do_no_harm(models, tiny_model, extra):
    original = tiny_model(labels=2)
    respell(save(original, models / "mine"), lambda weights: weights | extra)
    assert all(same(load(folder(), epochs=0), original))


def test_quantised_weights_are_refused(models, tiny_model):
    name = "bert.pooler.dense.weight"
    path = save(tiny_model(labels=2), models / "mine")
    respell(path, lambda weights: weights | {name: weights[name].to(torch.int8)})
    line = f"external/models/mine/model.safetensors holds {name} as I8, which is quantised: use it in full precision"
    assert refusal(folder()) == line
    save(tiny_model(labels=2), models / "mine", quantization_config={"quant_method": "bitsandbytes"})
    assert "is a quantised model (quantization_config in its config.json)" in refusal(folder())


# Files that cannot be read.


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b"{}", b'{"model_type": "no_such"}'])
def test_a_config_that_cannot_be_read_is_refused(models, tiny_model, content):
    (save(tiny_model(labels=2), models / "mine") / "config.json").write_bytes(content)
    assert refusal(folder()).startswith("external/models/mine has no readable config.json (")


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"num_attention_heads": "4"}, "has no readable config.json ("),
        ({"num_attention_heads": 5}, "cannot be loaded (The hidden size (32) is not a multiple of the number of"),
        ({"hidden_act": "no_such"}, "cannot be loaded (KeyError 'no_such')"),
        ({"is_decoder": True}, "is a decoder, which reads to the left only (is_decoder in its config.json)"),
        ({"auto_map": {"AutoModel": "own.Model"}}, "brings code of its own (auto_map in its config.json)"),
        ({"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}, "contains custom code"),
        ({"model_type": "gpt2"}, f"is of family gpt2: use one of {', '.join(FAMILIES)}"),
    ],
)
def test_a_config_that_asks_for_what_is_not_there_is_refused(models, tiny_model, config, line):
    save(tiny_model(labels=2), models / "mine", **config)
    assert line in refusal(folder())


def test_a_folder_without_config_or_weights_is_refused(models, tiny_model):
    (models / "mine").mkdir()
    assert "external/models/mine has no readable config.json" in refusal(folder())
    tiny_model().config.save_pretrained(models / "mine")
    assert "external/models/mine cannot be loaded (Error no file named model.safetensors" in refusal(folder())


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_weights_that_are_cut_off_are_refused(models, tiny_model, size):
    os.truncate(save(tiny_model(labels=2), models / "mine") / "model.safetensors", size)
    assert refusal(folder()).startswith("external/models/mine cannot be loaded (Error while deserializing header: ")


def test_shards_are_loaded_and_a_missing_one_is_named(models, tiny_model):
    original = tiny_model(labels=2)
    original.save_pretrained(models / "mine", max_shard_size="20KB")
    assert (models / "mine" / "model.safetensors.index.json").is_file()
    assert all(same(load(folder(), epochs=0), original))
    assert "is a classifier of 2 labels, but mnli has 3" in refusal(folder(), "mnli")
    first = min((models / "mine").glob("model-*"))
    first.unlink()
    assert first.name in refusal(folder())
    (models / "mine" / "model.safetensors.index.json").write_text("{")
    assert refusal(folder()).startswith("external/models/mine cannot be loaded (")


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_old_style_weights_are_loaded_and_what_else_is_in_them_is_not(models, tiny_model):
    original = tiny_model(labels=2)
    path = save(original, models / "mine")
    (path / "model.safetensors").unlink()
    torch.save(original.state_dict(), path / "pytorch_model.bin")
    assert all(same(load(folder(), epochs=0), original))
    torch.save(original.state_dict() | {"more": Hostile()}, path / "pytorch_model.bin")
    line = (
        "external/models/mine holds a pickle that is damaged or holds more than tensors: save it as model.safetensors"
    )
    assert refusal(folder()) == line
    (path / "pytorch_model.bin").write_bytes(b"none")
    assert refusal(folder()) == line
    assert not (models.parents[1] / "ran").exists()


def test_what_a_config_asks_the_model_to_return_changes_nothing_and_is_not_saved(models, tiny_model):
    original = tiny_model(labels=2)
    asked = {"return_dict": False, "output_attentions": True, "output_hidden_states": True}
    save(original, models / "mine", **asked, attn_implementation="flash_attention_2")
    model = load(folder(), epochs=0)
    ids = torch.tensor([[7, 8, 9]])
    with torch.no_grad():
        output = model(input_ids=ids)
        assert torch.allclose(output.logits, original(input_ids=ids).logits)
    assert set(output) == {"logits"}
    model.save_pretrained(models / "again")
    assert not asked.keys() & json.loads((models / "again" / "config.json").read_text()).keys()
    assert all(same(load(folder("again"), epochs=0), original))


@pytest.mark.parametrize("family", ["deberta-v2", "mpnet"])
def test_an_unsupported_family_is_refused_with_the_list(models, family):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = transformers.AutoConfig.for_model(family, vocab_size=60, **sizes)
    save(transformers.AutoModelForSequenceClassification.from_config(config), models / "mine")
    message = refusal(folder())
    assert message == f"external/models/mine is of family {family}: use one of {', '.join(FAMILIES)}"


# Where a checkpoint is.


def test_a_missing_folder_is_refused(models):
    assert refusal(folder("{task}/{seed}")).startswith(
        "model.name is {task}/{seed}, but external/models/rte/1 is not a folder"
    )
    assert "is not a folder" in refusal(folder("x" * 300))


def test_placeholders_name_the_task_and_the_seed_and_no_neighbour(models):
    for name in ("rte-1", "rte-12", "rte-2", "mnli-1", "rte-*"):
        (models / name).mkdir()
    assert model_location(folder("{task}-{seed}"), "rte", 2) == "external/models/rte-2"
    assert model_location(folder("{task}-{seed}"), "mnli", 1) == "external/models/mnli-1"
    assert model_location(folder("{task}-*"), "rte", 2) == "external/models/rte-*"
    with pytest.raises(InputError, match="external/models/mnli-2 is not a folder"):
        model_location(folder("{task}-{seed}"), "mnli", 2)


@pytest.mark.parametrize(
    "name", ["a b", "{x}", "{", "{task", "*", "a[1]", "#x", "ü", "a\nb", "a?", "%s", "${x}", "~", "\\"]
)
def test_a_folders_name_may_hold_any_character(models, tiny_model, name):
    original = tiny_model(labels=2)
    save(original, models / f"{name}-rte")
    assert all(same(load(folder(name + "-{task}"), epochs=0), original))


def test_a_model_from_scratch_has_no_longest_input(models):
    assert max_positions(scratch(), "negation", 1) is None


# ModernBERT computes its positions and takes any length.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "modernbert"])
def test_the_longest_input_is_what_the_model_really_takes(models, tiny_model, family):
    model = tiny_model(family)
    save(model, models / "mine")
    longest = max_positions(folder(), "rte", 1)
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
    return Model(source="hub", dep=NOTHING_OUTSIDE, name="google-bert/bert-base-cased", **NOTHING)


def test_a_model_of_an_unreachable_hub_is_refused_at_once_in_one_line(hub):
    assert refusal(hub).startswith("HF_HUB_OFFLINE is set, and the model google-bert/bert-base-cased is not cached")
    with pytest.raises(InputError, match="google-bert/bert-base-cased is not cached"):
        max_positions(hub, "rte", 1)


def test_a_folder_of_the_hubs_name_stands_in_for_it(hub, tiny_model, tmp_path):
    original = tiny_model(labels=2)
    save(original, tmp_path / "google-bert" / "bert-base-cased")
    assert max_positions(hub, "rte", 1) == 40
    assert all(same(load(hub), original))


def test_results_are_labelled_with_the_weights_name():
    assert model_name(folder("{task}/seed-{seed}"), "rte", 3) == "rte/seed-3"
    assert model_name(folder("mine"), "rte", 3) == "mine"
    assert "2 layers" in model_name(scratch(), "negation", 1)
    assert "4 heads" in model_name(scratch(), "negation", 1)


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
