import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from attattr.errors import AttributionError
from pipeline.data.planted import generate, vocabulary
from pipeline.data.splits import split
from pipeline.data.tokenise import digest, load_tokenizer, save_tokenizer, tokenise
from pipeline.data.vocabulary import check_read
from pipeline.values.inputs import Model
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()

SCRATCH = Model(
    source="scratch",
    dep="outputs/source/nothing_outside.txt",
    name=None,
    revision=None,
    layers=2,
    heads=4,
    hidden=32,
    intermediate=48,
    initializer_range=0.1,
    dropout=0.0,
)


def planted(task, count=60):
    rows = generate(task, n_train=count, n_dev=1)["train"]
    return [{**row, "example_id": f"train-{number}"} for number, row in enumerate(rows)]


@pytest.mark.parametrize("task", ["negation", "inference"])
def test_a_model_from_scratch_has_one_token_per_word(task):
    tokenizer = load_tokenizer(SCRATCH, task, 1)
    assert len(tokenizer) == 5 + len(vocabulary(task))
    assert tokenizer.convert_ids_to_tokens(list(range(5))) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for row in planted(task, 200):
        for column in ("sentence",) if task == "negation" else ("premise", "hypothesis"):
            ids = tokenizer(row[column], add_special_tokens=False)["input_ids"]
            assert tokenizer.convert_ids_to_tokens(ids) == row[column].split()


def test_pairs_have_two_segments_and_special_tokens():
    rows, tokenizer = planted("inference"), load_tokenizer(SCRATCH, "inference", 1)
    examples, truncated = tokenise(rows, tokenizer, TASKS["inference"], max_length=64)
    assert truncated == 0
    for row, example in zip(rows, examples, strict=True):
        premise, hypothesis = row["premise"].split(), row["hypothesis"].split()
        tokens = tokenizer.convert_ids_to_tokens(example["input_ids"])
        assert tokens == ["[CLS]", *premise, "[SEP]", *hypothesis, "[SEP]"]
        assert example["token_type_ids"] == [0] * (len(premise) + 2) + [1] * (len(hypothesis) + 1)
        assert (example["example_id"], example["label"]) == (row["example_id"], row["label"])


@pytest.mark.parametrize("task", ["negation", "inference"])
def test_deciding_positions_point_at_the_deciding_words(task):
    rows, tokenizer = planted(task, 200), load_tokenizer(SCRATCH, task, 1)
    examples, _ = tokenise(rows, tokenizer, TASKS[task], max_length=64)
    columns = ["sentence"] if task == "negation" else ["premise", "hypothesis"]
    counts = set()
    for row, example in zip(rows, examples, strict=True):
        words = [row[columns[sequence]].split()[place] for sequence, place in row["deciding_words"]]
        tokens = tokenizer.convert_ids_to_tokens(example["input_ids"])
        assert [tokens[position] for position in example["deciding_positions"]] == words
        # The words may occur twice in a pair: the position tells which one is meant.
        for (sequence, _), position in zip(row["deciding_words"], example["deciding_positions"], strict=True):
            assert example["token_type_ids"][position] == sequence
        counts.add(len(words))
    assert counts == ({1, 2} if task == "negation" else {2})


@pytest.fixture
def pieces():
    """A tokenizer that cuts words into single letters."""
    letters = {chr(code): number for number, code in enumerate(range(ord("a"), ord("z") + 1), start=4)}
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, ".": 30, **letters}
    tokenizer = Tokenizer(
        models.WordPiece({**vocab, **{f"##{k}": 31 + i for i, k in enumerate(letters)}}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")


def test_of_a_word_in_pieces_the_first_one_is_the_deciding_position(pieces):
    row = {"sentence": "it is not bad .", "label": 1, "example_id": "a", "deciding_words": [[0, 2], [0, 3]]}
    (example,), _ = tokenise([row], pieces, TASKS["negation"], max_length=64)
    assert pieces.convert_ids_to_tokens(example["input_ids"]) == (
        ["[CLS]", "i", "##t", "i", "##s", "n", "##o", "##t", "b", "##a", "##d", ".", "[SEP]"]
    )
    assert example["deciding_positions"] == [5, 8]


def test_texts_beyond_the_length_are_cut_and_counted():
    tokenizer = load_tokenizer(SCRATCH, "negation", 1)
    texts = ["the soup was good .", "the soup was always good .", "the soup was always always good ."]
    rows = [{"sentence": text, "label": 1, "example_id": text} for text in texts]
    # With [CLS] and [SEP] the texts have 7, 8 and 9 tokens.
    examples, truncated = tokenise(rows, tokenizer, TASKS["negation"], max_length=8)
    assert truncated == 1
    assert [len(example["input_ids"]) for example in examples] == [7, 8, 8]
    assert tokenizer.convert_ids_to_tokens(examples[2]["input_ids"])[-2:] == ["good", "[SEP]"]
    assert all("deciding_positions" not in example for example in examples)


def test_a_pair_is_cut_at_its_longer_text():
    tokenizer = load_tokenizer(SCRATCH, "inference", 1)
    row = {"premise": "the red box was hot .", "hypothesis": "the box was hot .", "label": 0, "example_id": "a"}
    (example,), truncated = tokenise([row], tokenizer, TASKS["inference"], max_length=13)
    assert truncated == 1
    assert tokenizer.convert_ids_to_tokens(example["input_ids"]) == (
        ["[CLS]", "the", "red", "box", "was", "hot", "[SEP]", "the", "box", "was", "hot", ".", "[SEP]"]
    )


def test_a_deciding_word_that_is_cut_off_is_not_pointed_at():
    rows, tokenizer = planted("negation"), load_tokenizer(SCRATCH, "negation", 1)
    examples, truncated = tokenise(rows, tokenizer, TASKS["negation"], max_length=10)
    assert truncated > 0
    for row, example in zip(rows, examples, strict=True):
        words = [row["sentence"].split()[place] for _, place in row["deciding_words"] if place < 8]
        tokens = tokenizer.convert_ids_to_tokens(example["input_ids"])
        assert [tokens[position] for position in example["deciding_positions"]] == words


@pytest.mark.parametrize("text", ["\u200b", "\xad\ufeff", "\u0301", "\x00" * 50], ids=ascii)
@pytest.mark.parametrize("column", ["premise", "hypothesis"])
def test_a_text_that_the_tokenizer_empties_is_named_with_its_split_and_row(text, column):
    tokenizer = load_tokenizer(SCRATCH, "inference", 1)
    whole = {"premise": "the box was hot .", "hypothesis": "the box .", "label": 0}
    rows = [{**whole, "example_id": "dev-6"}, {**whole, column: text, "example_id": "dev-7"}]
    examples, _ = tokenise(rows, tokenizer, TASKS["inference"], max_length=64)
    check_read(rows[:1], examples[:1], TASKS["inference"])
    with pytest.raises(AttributionError) as caught:
        check_read(rows, examples, TASKS["inference"])
    shown = ascii(text) if len(text) <= 20 else ascii(text[:20] + "...")
    assert str(caught.value) == (
        f"inference/validation row 7, column {column}, is empty to the model: its tokenizer drops {shown}; "
        "mend it or leave it out"
    )


def test_no_rows_give_no_examples():
    assert tokenise([], load_tokenizer(SCRATCH, "negation", 1), TASKS["negation"], max_length=64) == ([], 0)


def test_the_tokenizer_of_a_folder_is_used_and_saved_without_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "external" / "models" / "mine"
    save_tokenizer(load_tokenizer(SCRATCH, "negation", 1), folder)
    size = len(load_tokenizer(SCRATCH, "negation", 1))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": size}))
    nothing = dict.fromkeys(("layers", "heads", "hidden", "intermediate", "initializer_range", "dropout", "revision"))
    model = Model(source="folder", dep="external/models/mine", name="mine", **nothing)
    tokenizer = load_tokenizer(model, "negation", 1)
    assert (
        tokenizer("the soup was good .")["input_ids"]
        == (load_tokenizer(SCRATCH, "negation", 1)("the soup was good .")["input_ids"])
    )
    save_tokenizer(tokenizer, tmp_path / "saved")
    for file in (tmp_path / "saved").iterdir():
        assert "external" not in file.read_text()
        assert str(tmp_path) not in file.read_text()
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again("the soup")["input_ids"] == tokenizer("the soup")["input_ids"]


def test_preparing_twice_gives_the_same_examples(section):
    settings = section("prepare", n_importance=5, n_heldout=5)
    tokenizer = load_tokenizer(SCRATCH, "negation", 1)

    def run():
        splits = split(generate("negation", n_train=40, n_dev=8), TASKS["negation"], settings, seed=1)
        return [
            tokenise(rows, tokenizer, TASKS["negation"], max_length=64) for rows in (splits.train, splits.importance)
        ]

    assert run() == run()


def test_the_digest_of_a_split_changes_with_its_content_and_order():
    tokenizer = load_tokenizer(SCRATCH, "negation", 1)
    examples, _ = tokenise(planted("negation", 3), tokenizer, TASKS["negation"], max_length=64)
    other = [*examples[:2], {**examples[2], "label": 1 - examples[2]["label"]}]
    cut = [*examples[:2], {**examples[2], "input_ids": examples[2]["input_ids"][:-1]}]
    found = [digest(rows) for rows in (examples, examples[::-1], examples[:2], other, cut)]
    assert len(set(found)) == 5
    assert digest([dict(row) for row in examples]) == found[0]
