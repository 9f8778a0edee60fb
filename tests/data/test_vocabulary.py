"""A tokenizer that is not the model's is refused, as is one that does not know the texts."""

import json

import pytest
from transformers import BertTokenizer, RobertaTokenizer

from pipeline.data.tokenise import load_tokenizer, tokenise, tokenizer_of
from pipeline.data.vocabulary import check_known
from pipeline.errors import InputError
from pipeline.values.inputs import Model, model_dep
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()

NOTHING = dict.fromkeys(("layers", "heads", "hidden", "intermediate", "initializer_range", "dropout", "revision"))
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "."]  # 58
REMEDY = "save the model's own tokenizer beside it, with save_pretrained"


def folder(name):
    return Model(source="folder", dep=model_dep("folder", name), name=name, **NOTHING)


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "external" / "models"
    path.mkdir(parents=True)
    return path


def bert(path, words=WORDS, *, lower=True, **config):
    """A folder with a BERT's config and a tokenizer of these words."""
    config = {"model_type": "bert", "vocab_size": 60, "pad_token_id": 0} | config
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}, do_lower_case=lower).save_pretrained(path)
    return path


def edit(path, **values):
    stored = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in stored.items() if value is not None}))


def refusal(name="mine", task="sst2"):
    with pytest.raises(InputError) as caught:
        load_tokenizer(folder(name), task, 1)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_the_tokenizer_beside_the_weights_is_used_and_no_neighbours(models):
    bert(models / "sst2-1")
    bert(models / "sst2-12", [*SPECIAL, *reversed(WORDS[5:])])
    bert(models / "sst2-*", [*SPECIAL, *reversed(WORDS[5:])])
    found = [load_tokenizer(folder("{task}-{seed}"), "sst2", seed)("ab")["input_ids"] for seed in (1, 12)]
    expected = [[2, words.index("a"), words.index("##b"), 3] for words in (WORDS, [*SPECIAL, *reversed(WORDS[5:])])]
    assert found == expected
    with pytest.raises(InputError, match="external/models/sst2-2 is not a folder"):
        load_tokenizer(folder("{task}-{seed}"), "sst2", 2)


@pytest.mark.parametrize("kept", [["tokenizer.json"], ["vocab.txt"]])
def test_either_kind_of_file_serves(models, kept):
    path = bert(models / "mine")
    (path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    for file in path.iterdir():
        if file.name not in ("config.json", *kept):
            file.unlink()
    assert load_tokenizer(folder("mine"), "sst2", 1)("ab")["input_ids"] == [2, 5, WORDS.index("##b"), 3]


@pytest.mark.parametrize("family", ["bert", "electra", "distilbert", "roberta", "albert", "camembert", "xlm-roberta"])
def test_a_folder_without_tokenizer_is_refused(models, tiny_model, family):
    tiny_model(family, labels=2).save_pretrained(models / "mine")
    message = refusal()
    assert message.startswith("external/models/mine holds no tokenizer (none of ")
    assert message.endswith(f"tokenizer.json, vocab.txt): {REMEDY}" if family == "bert" else REMEDY)


def test_a_tokenizer_of_another_kind_of_files_is_refused(models, tiny_model):
    tiny_model("roberta", labels=2).save_pretrained(models / "mine")
    (models / "mine" / "vocab.txt").write_text("\n".join(WORDS))
    assert "external/models/mine holds no tokenizer (none of merges.txt, tokenizer.json, vocab.json)" in refusal()


def test_what_the_tokenizers_loader_raises_is_one_line(models):
    for number, (name, content) in enumerate(
        [("tokenizer.json", "{"), ("tokenizer.json", "{}"), ("tokenizer_config.json", "[]")]
    ):
        (bert(models / str(number)) / name).write_text(content)
        message = refusal(str(number))
        assert message.startswith(f"the tokenizer of external/models/{number} cannot be loaded (")
        assert message.endswith("): save it again, with save_pretrained")


def test_a_tokenizer_with_other_numbers_of_ids_than_embeddings_is_refused(models):
    line = "the tokenizer of external/models/{} has 58 ids, but the model {} embeddings: " + REMEDY
    for name, size in (("large", 57), ("small", 117)):
        bert(models / name, vocab_size=size)
        assert refusal(name) == line.format(name, size)
    for name, size in (("equal", 58), ("padded", 64)):  # embeddings are often padded to a multiple of 8 or 64
        bert(models / name, vocab_size=size)
        load_tokenizer(folder(name), "sst2", 1)


def test_special_tokens_that_are_missing_or_others_are_refused(models):
    path = bert(models / "without")
    edit(path / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", cls_token=None, sep_token=None)
    (path / "config.json").write_text('{"model_type": "bert", "vocab_size": 60}')
    assert refusal("without") == f"the tokenizer of external/models/without has no cls_token: {REMEDY}"
    bert(models / "padding", pad_token_id=1)
    line = f"the tokenizer of external/models/padding pads with id 0, but the model with 1: {REMEDY}"
    assert refusal("padding") == line


def test_a_tokenizer_that_adds_no_first_token_is_refused(models):
    path = bert(models / "mine")
    stored = json.loads((path / "tokenizer.json").read_text())
    (path / "tokenizer.json").write_text(json.dumps({**stored, "post_processor": None}))
    edit(path / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert refusal() == (
        "the tokenizer of external/models/mine does not put [CLS] before a text and [SEP] behind it, but the "
        f"classifier reads the first token: {REMEDY}"
    )


def test_a_tokenizer_of_bytes_knows_everything(models, tiny_model):
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *LETTERS]
    model = tiny_model("roberta", labels=2)
    model.save_pretrained(models / "mine")
    edit(models / "mine" / "config.json", vocab_size=40)
    vocabulary = {word: place for place, word in enumerate(words)}
    RobertaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(models / "mine")
    tokenizer = load_tokenizer(folder("mine"), "sst2", 1)
    examples, _ = tokenise(
        [{"sentence": "abc", "label": 0, "example_id": "a"}], tokenizer, TASKS["sst2"], max_length=16
    )
    assert examples[0]["input_ids"] == [0, 5, 6, 7, 2]
    check_known(examples, tokenizer, "sst2", most=0.0)


def rows(*texts):
    return [{"sentence": text, "label": 0, "example_id": text} for text in texts]


def test_texts_of_unknown_tokens_are_refused_with_their_share_up_to_the_one_that_is_allowed(models):
    bert(models / "mine", lower=False)
    tokenizer = load_tokenizer(folder("mine"), "sst2", 1)

    def check(*texts, most=0.05):
        examples = tokenise(rows(*texts), tokenizer, TASKS["sst2"], max_length=64)[0]
        check_known(examples, tokenizer, "sst2", most=most)

    check(*["a plain text ."] * 20, "a Capital .")  # 1 of 305 tokens
    for most in (0.0, 0.05, 0.249):
        with pytest.raises(InputError) as caught:
            check("A Plain Text .", "b b b b", most=most)  # 3 of 12
        assert str(caught.value) == (
            f"3 of 12 tokens of sst2 are [UNK], above prepare.max_unknown, {most:g}: the model's tokenizer is not its "
            "own, or not of this language; where it is, set prepare.max_unknown to 0.25"
        )
    for most in (0.25, 1.0):
        check("A Plain Text .", "b b b b", most=most)
    check("A B C", most=1.0)
    # 29 of 100, of which 0.29 is more than 29 in floating point, not less.
    numbers = 29 * [tokenizer.unk_token_id] + 71 * [tokenizer.cls_token_id]
    check_known([{"input_ids": numbers}], tokenizer, "sst2", most=0.29)


def test_examples_of_another_tokenizer_are_refused(models):
    bert(models / "mine")
    bert(models / "other", [*SPECIAL, *reversed(WORDS[5:])])
    used = load_tokenizer(folder("mine"), "sst2", 1)
    used.save_pretrained(models / "data" / "tokenizer")
    assert tokenizer_of(models / "data", folder("mine"), "sst2", 1).get_vocab() == used.get_vocab()
    with pytest.raises(InputError, match="was made with another tokenizer than that of the model: run prepare"):
        tokenizer_of(models / "data", folder("other"), "sst2", 1)
