"""`explain`: what it says, writes and refuses."""

import io
import json
import os
import re
from html.parser import HTMLParser

import pytest
import torch
import transformers
from transformers import BertTokenizer

from attattr.attribution import attribute
from attattr.edge_sets import only
from attattr.faithfulness import masked_edges
from attattr.tree import attribution_tree
from pipeline.commands.explain import _parser, _target, _texts, main
from pipeline.errors import InputError

WORDS = ["the", "a", "film", "is", "not", "very", "good", "bad", "king", "reads", "his", "old", "book", "again"]
LINES = [
    "king reads",
    "the film is not very good",
    "a book",
    "the old king reads his very old book again and again",
    "bad",
]


@pytest.fixture(scope="session")
def tokenizer():
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    names += map(str, range(60 - len(names)))
    return BertTokenizer(vocab={name: number for number, name in enumerate(names)})


def named(model, *names):
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    return model


@pytest.fixture
def saved(workspace, tiny_model, tokenizer):
    """`saved(place, **options)`: a tiny model, in a folder of the workspace with its tokenizer."""

    def save(place, *, names=("worse", "same", "better"), problem=None, **options):
        model = named(tiny_model(labels=len(names), **options), *names)
        model.config.problem_type = problem
        model.save_pretrained(workspace / place)
        tokenizer.save_pretrained(workspace / place)
        return model

    return save


@pytest.fixture
def model(saved):
    """The one model of outputs/."""
    return saved("outputs/models/negation-1")


def alone(model, tokenizer, text, *, target, **options):
    text = [text] if isinstance(text, str) else text
    inputs = tokenizer(*text, return_tensors="pt")
    return attribute(model, **inputs, target=target, **options)


def explained(*arguments):
    """What `--json` holds."""
    main([*arguments, "--json", "out.json"])

    def refuse(name):
        raise AssertionError(name)

    with open("out.json", encoding="utf-8") as file:  # noqa: PTH123 - of the working directory
        return json.load(file, parse_constant=refuse)


def test_the_terminal_has_answer_convergence_tokens_tree_and_edges(model, tokenizer, capsys):
    main([LINES[1], "--tau", "0.2"])
    out = capsys.readouterr().out
    result = alone(model, tokenizer, LINES[1], target="predicted")
    label = ("worse", "same", "better")[int(result.target)]
    assert out.startswith("outputs/models/negation-1\n")
    assert re.search(rf"{label} +{float(result.output):.3f}  predicted, explained\n", out)
    assert "Converged: estimated error at most" in out
    assert f"Strongest edges for {label}\n" in out
    tree = attribution_tree(result.attribution[0].sum(dim=1), tau=0.2)
    assert f"Attribution tree at tau 0.2: {len(tree.inner)} edge" in out
    assert all(f"layer {edge.layer + 1:2}  {edge.value:+.4f}\n" in out for edge in tree.inner)
    kept = masked_edges(model, only(tree.edges, layers=2, n=8)[None])
    with torch.no_grad():
        alone_gives = kept(**tokenizer(LINES[1], return_tensors="pt")).logits[0].softmax(dim=0)[int(result.target)]
    assert f") alone gives {float(alone_gives):.3f}" in " ".join(out.split())
    passed_on = result.attribution[0].clamp(min=0).sum(dim=(0, 1, 2)).tolist()
    assert all(f"  {value:8.4f}  #" in out for value in passed_on if value > 0.1 * max(passed_on))
    assert max(map(len, out.split("\n"))) <= 80


@pytest.mark.parametrize("text", [LINES[1], ("king reads", "bad book")])
def test_the_json_holds_the_numbers_of_attribute(model, tokenizer, text):
    parts = [text] if isinstance(text, str) else [text[0], "--pair", text[1]]
    content = explained(*parts, "--tau", "0.3")
    assert content["model"] == "outputs/models/negation-1"
    assert (content["tau"], content["output"]) == (0.3, "probability")
    (record,) = content["texts"]
    result = alone(model, tokenizer, text, target="predicted")
    scores = result.attribution[0].double()

    def close(values):
        return pytest.approx(values.tolist(), rel=1e-3, abs=1e-6)

    assert record["unknown"] == []
    assert record["text"] == (text if isinstance(text, str) else list(text))
    assert record["classes"] == ["worse", "same", "better"]
    assert record["predicted"] == record["target"] == int(result.target)
    assert record["probabilities"] == close(result.logits[0].softmax(dim=0))
    assert [record["value"]] == close(result.output)
    assert record["converged"] is True
    assert record["steps"] == result.steps[0].tolist()
    assert record["estimated_error"] == close(result.last_change[0])
    assert record["completeness_gap"] == close(result.completeness_gap[0])
    assert record["passed_on"] == close(scores.clamp(min=0).sum(dim=(0, 1, 2)))
    assert [pytest.approx(row, rel=1e-3, abs=1e-6) for row in record["heads"]] == scores.sum(dim=(2, 3)).tolist()
    tree = attribution_tree(scores.sum(dim=1), tau=0.3)
    assert record["root"] == tree.root
    found = [(edge["query"], edge["key"], edge["layer"]) for edge in record["tree"]]
    assert found == [edge[:3] for edge in tree.edges]
    assert [edge["readout"] for edge in record["tree"]] == [edge not in tree.inner for edge in tree.edges]
    strongest = scores.flatten().abs().sort(descending=True).values[:20]
    assert [abs(edge["value"]) for edge in record["edges"]] == close(strongest)
    for edge in record["edges"]:
        place = tuple(edge[name] for name in ("layer", "head", "query", "key"))
        assert edge["value"] == pytest.approx(float(scores[place]), rel=1e-3)


@pytest.mark.parametrize("target", ["0", "2", "Same", "worse"])
def test_the_class_that_is_asked_for_is_explained(model, tokenizer, target, capsys):
    number = {"0": 0, "2": 2, "Same": 1, "worse": 0}[target]
    (record,) = explained(LINES[0], "--target", target)["texts"]
    assert record["target"] == number
    scores = alone(model, tokenizer, LINES[0], target=number).attribution[0]
    assert record["heads"][0] == pytest.approx(scores.sum(dim=(2, 3))[0].tolist(), rel=1e-3, abs=1e-6)
    assert f"Strongest edges for {('worse', 'same', 'better')[number]}" in capsys.readouterr().out


def test_a_name_goes_before_a_number(saved):
    saved("numbers", names=("1", "0", "2"))
    assert explained("king", "--model", "numbers", "--target", "1")["texts"][0]["target"] == 0


@pytest.mark.parametrize(("asked", "number"), [("us", 0), ("US", 1), ("uS", None), ("+", 2), ("-", 3), ("++", None)])
def test_a_class_is_named_as_it_is_before_it_is_named_in_another_case(tiny_model, asked, number):
    model = named(tiny_model(labels=4), "us", "US", "+", "-")
    if number is None:
        with pytest.raises(InputError, match=f"--target is {re.escape(asked)}, but the model's classes are us, US, "):
            _target(asked, model)
    else:
        assert _target(asked, model) == number


@pytest.mark.parametrize("output", ["logit", "log_probability", "margin"])
def test_the_output_that_is_asked_for_is_explained(model, tokenizer, output):
    content = explained(LINES[0], "--output", output, "--html", "out.html")
    result = alone(model, tokenizer, LINES[0], target="predicted", output=output)
    assert content["output"] == output
    (record,) = content["texts"]
    assert record["value"] == pytest.approx(float(result.output), rel=1e-3)
    assert record["heads"][1] == pytest.approx(result.head_scores()[0, 1].tolist(), rel=1e-3, abs=1e-5)


def write(lines, name="texts.txt"):
    with open(name, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - of the working directory
        file.write(lines if isinstance(lines, str) else "\n".join(lines))


def test_a_file_is_explained_in_the_order_of_its_lines(model, tokenizer, capsys):
    write(LINES * 6)
    records = explained("--file", "texts.txt")["texts"]
    assert [record["text"] for record in records] == LINES * 6
    assert [record["number"] for record in records] == list(range(1, 31))
    for record in records[:5]:
        scores = alone(model, tokenizer, record["text"], target="predicted").attribution[0]
        for row, expected in zip(record["heads"], scores.sum(dim=(2, 3)).tolist(), strict=True):
            assert row == pytest.approx(expected, rel=2e-3, abs=1e-5)
    lines = capsys.readouterr().out.split("\n")
    shown = [line.split()[:2] for line in lines if re.match(r" *\d+ ", line)]
    assert shown == [[str(record["number"]), record["classes"][record["target"]]] for record in records]
    assert max(map(len, lines)) <= 80


def test_what_a_file_may_hold(model):
    write("\ufeffking\u2028reads\x0bgood\r\na \x85 book\nbad\n\n \n")
    texts = [record["text"] for record in explained("--file", "texts.txt")["texts"]]
    assert texts == ["king\u2028reads\x0bgood", "a \x85 book", "bad"]
    write("king\treads\nbad\tgood book\n")
    records = explained("--file", "texts.txt", "--pair")["texts"]
    assert [record["text"] for record in records] == [["king", "reads"], ["bad", "good book"]]
    assert records[1]["tokens"] == ["[CLS]", "bad", "[SEP]", "good", "book", "[SEP]"]
    write("king")
    assert len(explained("--file", "texts.txt")["texts"]) == 1


def test_standard_input_is_read_as_a_file(model, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"king reads\nbad book\n")))
    assert [record["text"] for record in explained("--file", "-")["texts"]] == ["king reads", "bad book"]


# Of none of these does a line end, in Python's eyes or in those of others.
INSIDE = ["\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r\r"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n \n"])
def test_a_line_ends_with_a_line_feed_alone(workspace, end, last):
    texts = [f"king{inside}reads" for inside in INSIDE] + ["bad"]
    (workspace / "texts.txt").write_bytes(b"\xef\xbb\xbf" + f"{end.join(texts)}{last}".encode())
    assert _texts(_parser().parse_args(["--file", "texts.txt"])) == texts
    pairs = [(text, f"{text} book") for text in texts]
    (workspace / "pairs.txt").write_bytes(end.join("\t".join(pair) for pair in pairs).encode())
    assert _texts(_parser().parse_args(["--file", "pairs.txt", "--pair"])) == pairs


def test_many_unknown_words_are_said(model, capsys):
    main(["the xyzzy film"])
    assert '1 of 3 tokens is unknown to the model: "xyzzy".' in capsys.readouterr().out
    write(["the xyzzy film", "king reads", "plugh"])
    main(["--file", "texts.txt"])
    assert "2 of 6 tokens are unknown" in capsys.readouterr().out
    main(["xyzzy film plugh"])
    out = capsys.readouterr().out
    assert "--model" in out
    assert "Attribution tree" not in out
    main(["the film"])
    assert "unknown" not in capsys.readouterr().out


class Data(HTMLParser):
    """The data of a page."""

    def __init__(self, page):
        super().__init__()
        self.inside, self.text = False, ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside = ("class", "viewer-data") in attrs

    def handle_data(self, data):
        self.text += data if self.inside else ""


@pytest.mark.parametrize("arguments", [["king reads"], ["--file", "texts.txt"]])
def test_the_page_holds_every_class_of_every_text(model, workspace, capsys, arguments):
    write(LINES[:3])
    main([*arguments, "--html", "out.html", "--tau", "0.99"])
    assert "out.html" in capsys.readouterr().out
    data = json.loads(Data((workspace / "out.html").read_text(encoding="utf-8")).text)
    texts = LINES[:3] if "--file" in arguments else ["king reads"]
    assert [" ".join(example["tokens"][1:-1]) for example in data["examples"]] == texts
    assert data["start"] == 99
    for example in data["examples"]:
        assert sorted(one["target"] for one in example["explanations"]) == [0, 1, 2]
        assert [example["explanations"][0]["target"]] == example["predicted"]


def test_the_same_files_twice(model, workspace):
    for name in ("a", "b"):
        main([LINES[1], "--html", f"{name}.html", "--json", f"{name}.json"])
    for kind in ("html", "json"):
        assert (workspace / f"a.{kind}").read_bytes() == (workspace / f"b.{kind}").read_bytes()


def test_the_newest_model_is_taken(saved, workspace, capsys):
    for age, name in enumerate(("b-1", "c-2", "a-3")):
        saved(f"outputs/models/{name}", seed=age)
        os.utime(workspace / f"outputs/models/{name}/model.safetensors", (10_000 - age, 10_000 - age))
    main(["king"])
    assert capsys.readouterr().out.startswith("outputs/models/b-1\n")
    main(["king", "--model", "outputs/models/a-3"])
    assert capsys.readouterr().out.startswith("outputs/models/a-3\n")


@pytest.mark.parametrize("family", ["distilbert", "electra", "albert", "modernbert"])
def test_other_families(saved, tokenizer, family):
    saved("other", family=family)
    (record,) = explained(LINES[0], "--model", "other")["texts"]
    assert record["tokens"] == ["[CLS]", "king", "reads", "[SEP]"]


def test_a_regression_is_explained_by_its_output(saved, capsys):
    saved("regression", names=("score",))
    content = explained("king", "--model", "regression")
    assert (content["kind"], content["output"]) == ("values", "value")
    (record,) = content["texts"]
    assert record["values"] == [record["value"]]
    assert not {"probabilities", "predicted"} & set(record)
    assert re.search(rf"\nscore +{record['value']:.3f}  explained\nNo probabilities: ", capsys.readouterr().out)


def test_labels_are_named_with_their_own_probabilities(saved, tokenizer, capsys):
    model = saved("labels", names=("joy", "anger", "fear"), problem="multi_label_classification")
    with torch.no_grad():
        chances = model(**tokenizer(LINES[1], return_tensors="pt")).logits[0].sigmoid().tolist()
    content = explained(LINES[1], "--model", "labels", "--target", "anger")
    (record,) = content["texts"]
    assert (content["kind"], content["output"], record["target"]) == ("labels", "logit", 1)
    assert record["probabilities"] == pytest.approx(chances, rel=1e-3)
    assert sorted(record["predicted"]) == [label for label, chance in enumerate(chances) if chance > 0.5]
    out = capsys.readouterr().out
    for name, chance in zip(("joy", "anger", "fear"), chances, strict=True):
        notes = ["predicted"] * (chance > 0.5) + ["explained"] * (name == "anger")
        assert re.search(rf"\n{name} +{chance:.3f}{'  ' * bool(notes)}{', '.join(notes)}\n", out)


def test_json_alone_goes_to_standard_output_where_it_is_sent_there(model, capfd):
    main([LINES[0], "--json", "/dev/fd/1"])
    shown = capfd.readouterr()
    assert json.loads(shown.out)["texts"][0]["text"] == LINES[0]
    assert "Attribution tree at tau 0.4" in shown.err
    nowhere = [os.open(os.devnull, os.O_WRONLY) for _ in range(2)]
    main([LINES[0], "--json", f"/dev/fd/{nowhere[0]}", "--html", f"/dev/fd/{nowhere[1]}"])
    for number in nowhere:
        os.close(number)
    assert "Attribution tree at tau 0.4" in capfd.readouterr().out


@pytest.fixture
def refusal(workspace, capsys, exit_code):
    """`refusal(*arguments)`: the one line of a refusal, after which no file is new."""

    def refused(*arguments):
        capsys.readouterr()
        before = sorted(workspace.rglob("*"))
        assert exit_code(main, list(arguments)) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
        assert sorted(workspace.rglob("*")) == before
        return captured.err

    return refused


FILES = {
    "empty.txt": b"",
    "blank.txt": b"\n \n",
    "gap.txt": b"king\n\nbook\n",
    "pairs.txt": b"king\treads\nking\n",
    "three.txt": b"a\tb\tc\n",
    "half.txt": b"a\t \n",
    "latin.txt": b"caf\xe9\n",
    "many.txt": b"king\n" * 201,
    "mac.txt": b"king\rbook\r",
    "unseen.txt": "king\n\u200b\n".encode(),
    "pairs-unseen.txt": "king\treads\nking\t\xad\n".encode(),
}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give one text, or --file"),
        (["king", "--file", "texts.txt"], "give one text, or --file"),
        ([""], "the text is empty"),
        ([" \t"], "the text is empty"),
        (["king", "--pair", " "], "the text of --pair is empty"),
        (["king", "--pair"], "--pair has no text"),
        (["\udcff king"], "the text is no Unicode text"),
        (["--file", "texts.txt", "--pair", "king"], "--pair has a text, but with --file"),
        (["--file", "nowhere.txt"], "--file nowhere.txt cannot be read"),
        (["--file", "."], "--file . cannot be read"),
        (["--file", "latin.txt"], "--file latin.txt cannot be read"),
        (["--file", "empty.txt"], "--file empty.txt is empty"),
        (["--file", "blank.txt"], "--file blank.txt is empty"),
        (["--file", "gap.txt"], "gap.txt, line 2 is empty"),
        (["--file", "pairs.txt", "--pair"], "pairs.txt, line 2 is no pair"),
        (["--file", "three.txt", "--pair"], "three.txt, line 1 is no pair"),
        (["--file", "half.txt", "--pair"], "half.txt, line 1 is no pair"),
        (["--file", "mac.txt"], "--file mac.txt ends its lines with carriage returns alone: end them with line feeds"),
        (["--file", "unseen.txt"], "text 2 is empty to the model: its tokenizer drops '\\u200b'"),
        (["--file", "pairs-unseen.txt", "--pair"], "text 2 is empty to the model: its tokenizer drops '\\xad'"),
        (["\ufeff"], "text 1 is empty to the model"),
        (["king", "--pair", "\u200d"], "text 1 is empty to the model"),
        (["--file", "many.txt", "--html", "out.html"], "--html would show 201 texts"),
        (["king", "--tau", "1"], "--tau is 1.0"),
        (["king", "--tau", "-0.1"], "--tau is -0.1"),
        (["king", "--tau", "nan"], "--tau is nan"),
        (["king", "--html", "no/where.html"], "no/where.html cannot be written"),
        (["king", "--json", "no/where.json"], "no/where.json cannot be written"),
        (["king", "--json", "outputs"], "outputs cannot be written"),
        (["king", "--json", "no/where.json", "--model", "no where"], "no/where.json cannot be written"),
        (["king", "--json", "texts.txt/x"], "texts.txt/x cannot be written: Not a directory"),
        (["king", "--json", "/proc/self/fd/1", "--html", "/dev/fd/1"], "name the same file"),
        (["king", "--json", "out", "--html", "./out"], "name the same file"),
        (["--file", "texts.txt", "--json", "texts.txt"], "name the same file"),
        (["king", "--target", "best"], "--target is best, but the model's classes are worse, same, better"),
        (["king", "--target", "3"], "--target is 3"),
        (["king", "--target", "-1"], "--target is -1"),
        (["king", "--model", "no where"], "neither a folder nor a hub id"),
        (["king", "--model", "./nowhere"], "neither a folder nor a hub id"),
        (["king", "--model", "a/b/c"], "neither a folder nor a hub id"),
        (["king", "--model", "texts.txt/x"], "texts.txt/x"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(model, workspace, refusal, monkeypatch, arguments, line):
    for name, content in {"texts.txt": b"king\n", **FILES}.items():
        (workspace / name).write_bytes(content)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert line in refusal(*arguments)
    assert (workspace / "texts.txt").read_bytes() == b"king\n"


@pytest.mark.parametrize("arguments", [["king", "--tau", "much"], ["king", "--output", "odds"], ["king", "--nothing"]])
def test_what_argparse_refuses(model, exit_code, capsys, arguments):
    assert exit_code(main, arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_there_is_no_model_yet(refusal):
    assert "outputs/models has no model yet" in refusal("king")


CONFIGS = {
    "gpt2": transformers.GPT2Config,
    "t5": transformers.T5Config,
    "deberta": transformers.DebertaConfig,
    "deberta-v2": transformers.DebertaV2Config,
    "vit": transformers.ViTConfig,
}


@pytest.mark.parametrize("family", CONFIGS)
def test_other_families_are_refused_by_name_before_weights_are_looked_for(workspace, refusal, family):
    CONFIGS[family]().save_pretrained(workspace / "other")
    line = refusal("king", "--model", "other")
    assert f"other is of the family '{family}', which is not supported: use bert, " in line


def test_incomplete_models_are_refused(saved, workspace, refusal, tokenizer):
    whole = saved("whole")
    (workspace / "nothing").mkdir()
    assert "nothing has no readable config.json" in refusal("king", "--model", "nothing")
    whole.config.save_pretrained(workspace / "weightless")
    tokenizer.save_pretrained(workspace / "weightless")
    assert "weightless cannot be loaded" in refusal("king", "--model", "weightless")
    whole.save_pretrained(workspace / "wordless")
    line = refusal("king", "--model", "wordless")
    assert "wordless" in line
    assert "tokenizer" in line
    whole.bert.save_pretrained(workspace / "headless")
    tokenizer.save_pretrained(workspace / "headless")
    assert "headless lacks weights, classifier.bias, classifier.weight" in refusal("king", "--model", "headless")
    named(whole, "a", "b", "c").save_pretrained(workspace / "foreign")
    BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}).save_pretrained(workspace / "foreign")
    assert "the tokenizer of foreign has 5 ids" in refusal("king", "--model", "foreign")
    with torch.no_grad():
        whole.classifier.weight[0, 0] = torch.nan
    whole.save_pretrained(workspace / "spoilt")
    assert "weights that are not finite" in refusal("king", "--model", "spoilt")


def test_a_regression_has_no_probability(saved, refusal):
    saved("regression", names=("score",))
    assert "take 'logit'" in refusal("king", "--model", "regression", "--output", "probability")


def test_the_hub_is_not_waited_for(workspace, refusal, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(workspace / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    line = refusal("king", "--model", "someone/something")
    assert "the hub at http://127.0.0.1:9 cannot be reached" in line
    assert "someone/something is not cached" in line


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "is a quantised model (quantization_config in"),
        ({"auto_map": {"AutoModelForSequenceClassification": "own.Model"}}, "brings code of its own (auto_map in its"),
        ({"is_decoder": True}, "is a decoder, which reads to the left only"),
        (None, "holds an adapter (adapter_config.json), without which it is another model: merge it into the weights"),
    ],
)
def test_what_makes_another_model_of_the_weights_is_refused(workspace, refusal, config, said):
    transformers.BertConfig().save_pretrained(workspace / "other")
    path = workspace / "other" / ("config.json" if config else "adapter_config.json")
    path.write_text(json.dumps({**json.loads((workspace / "other" / "config.json").read_text()), **(config or {})}))
    assert f"other {said}" in refusal("king", "--model", "other")
