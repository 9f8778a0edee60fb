"""The text for the terminal: its width, its tokens, its tree."""

import re
from dataclasses import replace

import pytest
import torch
from wcwidth import wcswidth

from attattr.tree import AttributionTree, TreeEdge, attribution_tree
from attattr.viewer.characters import columns, fitted, told_apart, wrapped
from attattr.viewer.text import corpus_text, whole_text
from attattr.viewer.tree_words import tree_words
from attattr.viewer.view import Carried
from attattr.viewer.words import answer

ESCAPES = "\x1b[31mred\x1b]0;title\x07"


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def chain(count, *, layer=3):
    """A tree in which every token reads the next one."""
    return AttributionTree(1, tuple(TreeEdge(place, place + 1, layer, 0.5) for place in range(1, count)))


def text_of(view, *, tree=None, tau=0.1, model="a model", unknown=(), carried=None):
    tree = tree or attribution_tree(view.explanations[0].head_sum, tau=tau)
    return whole_text(replace(view, unknown=unknown), tree, tau=tau, title=model, carried=carried)


def fits(text):
    """No line takes more than 80 columns, and no character is an order to the terminal."""
    assert all(line.isprintable() for line in text.split("\n"))
    return max(wcswidth(line) for line in text.split("\n")) <= 80


TOKENS = {
    "ascii": lambda place: f"word{place}",
    "the same": lambda _: "the",
    "long": lambda place: "x" * 70 + str(place),
    "wide": lambda place: "日本語の長い単語です" + chr(0x4E00 + place),
    "wide, odd": lambda place: f"a日本語の長い単語{place}",
    "combining": lambda place: "e\u0301" * 30 + str(place),
    "emoji": lambda place: "👩‍👧🏽" * 8 + str(place),
    "escapes": lambda place: f"{ESCAPES}{place}",
    "separators": lambda _: "a\nb\r\u2028\t\u202e\x85",
    "blank": lambda _: " ",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("n", [5, 128])
def test_no_line_is_too_long_and_no_character_an_order(made_view, token, n):
    tokens = [token(place) for place in range(n)]
    view = made_view(100 * noise(4, 3, n, n), tokens=tokens, classes=[ESCAPES, "類" * 50])
    assert fits(text_of(view, model=f"/folder/{ESCAPES}{'m' * 200}"))
    assert fits(text_of(view, tree=chain(n - 1)))
    record = {"number": 99999, "tokens": tokens, "classes": view.classes, "target": 1, "value": -123.456}
    record |= {"converged": False, "edges": [{"query": 1, "key": 3, "value": 123.456}]}
    assert fits(corpus_text([record] * 3, model="m" * 100, output="log_probability", unknown=3 * n, tokens=3 * n))


def test_a_chain_of_thousands_is_printed_whole(made_view):
    n = 3_000
    view = made_view(torch.zeros(1, 1, 2, 2), tokens=[f"t{place}" for place in range(n)])
    own = replace(view.explanations[0], attribution=torch.zeros(4, 1, 2, 2), passed_on=torch.zeros(n))
    view = replace(view, explanations=(own,))
    text = text_of(view, tree=chain(n - 1))
    assert fits(text)
    assert all(f"- t{place} " in text for place in range(2, n - 1))


def parsed(text, root):
    """The edges (reader, read) of a tree as it is printed, by a reader of its lines."""
    edges, above = [], []
    for line in text.split("\n"):
        start = re.match(r"\.\.\. (\S+)$", line)
        branch = re.match(r"((?:\|  |   )*)[|`]- (\S+)", line)
        if line == root or start:
            above = [start.group(1) if start else line]
        elif branch:
            depth = len(branch.group(1)) // 3 + 1
            edges.append((above[depth - 1], branch.group(2)))
            above[depth:] = [branch.group(2)]
    return edges


def tree_text(view, tree):
    text = text_of(view, tree=tree)
    return text[text.index("Attribution tree") : text.index("\nStrongest edges")]


@pytest.mark.parametrize("n", [4, 12, 60])
@pytest.mark.parametrize("recent", [1, 3, 100])
def test_the_printed_tree_is_the_tree(made_view, n, recent):
    generator = torch.Generator().manual_seed(n)
    there, edges = [2], []
    for token in [place for place in range(1, n) if place != 2]:
        reader = there[-1 - int(torch.randint(min(recent, len(there)), (), generator=generator))]
        edges.append(TreeEdge(reader, token, 3, 0.25))
        there.append(token)
    terminal = [TreeEdge(0, token, 4, 0.1) for token in there]
    view = made_view(noise(5, 1, n, n))
    text = tree_text(view, AttributionTree(2, (*edges, *terminal)))
    # Those of [CLS], which reads all of it, are not drawn.
    assert sorted(parsed(text, "t2")) == sorted((f"t{edge.query}", f"t{edge.key}") for edge in edges)
    assert f"{len(edges)} edges; t2" in text
    assert text.count("layer  4  +0.2500") == len(edges)
    # The last branch of each token ends its line.
    readers = {edge.query for edge in edges}
    assert len(re.findall(r"`- ", text)) == len(readers)


def test_a_small_tree_reads_well(made_view):
    edges = (TreeEdge(2, 1, 2, 0.5), TreeEdge(2, 3, 1, 0.25), TreeEdge(1, 4, 0, -0.125), TreeEdge(0, 2, 3, 1.0))
    view = made_view(noise(4, 1, 6, 6), tokens=["[CLS]", "not", "good", "film", "not", "[SEP]"])
    assert tree_text(view, AttributionTree(2, edges)) == (
        "Attribution tree at tau 0.1: 3 edges; good reads most\n"
        "good\n"
        f"{'|- not(1)':<62} layer  3  +0.5000\n"
        f"{'|  `- not(2)':<62} layer  1  -0.1250\n"
        f"{'`- film':<62} layer  2  +0.2500\n"
    )


def test_a_tree_without_a_root_and_one_of_a_root_alone(made_view):
    view = made_view(noise(3, 1, 4, 4))
    assert "empty, as no token has a positive attribution" in text_of(view, tree=AttributionTree(None, ()))
    assert "0 edges; t2 reads most\nt2\n" in text_of(view, tree=AttributionTree(2, ()))
    assert "1 edge; t1" in text_of(view, tree=chain(2))


def test_tokens_that_look_the_same_are_told_apart():
    assert told_apart(["the", "king", "the", " the", "The"]) == ["the(1)", "king", "the(2)", "the(3)", "The"]
    long = told_apart(["x" * 30 + "a", "x" * 30 + "b"])
    assert len(set(long)) == 2
    assert all(len(name) == 18 for name in long)
    assert told_apart(["\x1b", "\x07"]) == ["?(1)", "?(2)"]
    assert told_apart([" ", "\n"]) == [" ", "?"]
    assert len(set(told_apart(["日本語" * 9] * 200))) == 200


@pytest.mark.parametrize("text", ["word", "日本語", "e\u0301e", "ｗｉｄｅ", "½é", "한국어", "😀a"])
def test_columns_are_those_of_a_terminal(text):
    assert columns(text) == wcswidth(text)
    for width in range(4, 9):
        assert wcswidth(fitted(text, width)) <= width
    assert fitted(text, 20) == text


def test_lines_are_broken_at_spaces_by_columns():
    text = "one two 日本語 three 한국어 e\u0301e\u0301 x"
    for width in range(6, 40):
        lines = wrapped(text, width).split("\n")
        assert " ".join(lines) == text
        assert max(map(wcswidth, lines)) <= width
        # None could have taken the next one's first word.
        following = [line.split(" ")[0] for line in lines[1:]]
        assert all(wcswidth(f"{line} {word}") > width for line, word in zip(lines, following, strict=False))
    assert wrapped("\x1b[31m a", 3) == "?[31m\na"
    assert wrapped("at most 72 % of it", 10) == "at most\n72 % of it"


def test_many_unknown_tokens_are_said(made_view):
    view = made_view(noise(3, 1, 22, 22))
    assert "unknown" not in text_of(view, unknown=(3,))  # 5 % of 20
    text = " ".join(text_of(view, unknown=(3, 7)).split())
    assert '2 of 20 tokens are unknown to the model, which cannot tell them apart: "t3" and "t7".' in text
    assert "Attribution tree" in text_of(view, unknown=range(1, 11))


def test_no_tree_is_shown_where_more_than_half_is_unknown(made_view):
    view = made_view(noise(3, 1, 22, 22))
    text = text_of(view, unknown=range(1, 12))
    assert "take a model that knows its words (--model" in " ".join(text.split())
    assert not re.search("Attribution tree|Strongest edges|pass on for|alone gives", text)


def test_the_answer_and_what_the_tree_carries_are_those_of_words(made_view):
    edges = (TreeEdge(2, 1, 1, 0.5), TreeEdge(2, 3, 0, 0.25))
    tree, carried = AttributionTree(2, edges), Carried(0.75, 0.25, 0.5, (0.25, 0.25))
    view = made_view(noise(3, 1, 5, 5))
    text = text_of(view, tree=tree, carried=carried)
    (one,) = view.explanations
    words = tree_words(view, one, tree, tau=0.1, carried=carried, lower=[])
    said = wrapped(f"{answer(view, one, carried)} {words.sentence}", 80)
    assert f"\n\n{said}\n\nConverged" in text
    assert f"2 edges; t2 reads most\n{wrapped(words.verdict, 80)}\nt2\n" in text
    assert words.verdict.startswith("Carries 50 %")
    assert "Carries" not in text_of(view, tree=tree)


def test_a_threshold_without_an_edge_names_one_that_has(made_view):
    scores = torch.zeros(3, 1, 5, 5)
    scores[0, 0, 1, 2], scores[0, 0, 3, 2] = 0.5, 1.0  # token 3 reads most
    scores[1, 0, 3, 1], scores[1, 0, 1, 2] = 0.25, 1.0
    scores[0, 0, 3, 2] = 1.5
    view = made_view(scores)
    assert "1 edge; t3" in text_of(view, tau=0.3)
    scores[0, 0, 3, 2], scores[0, 0, 2, 1] = 0.75, 1.0
    scores[1, 0, 3, 4] = 0.75
    text = " ".join(text_of(made_view(scores), tau=0.8).split())
    assert 'has no edge: none that leads from "t3" exceeds 0.80 of its layer\'s largest; 0.74 has 2.' in text


def test_tokens_have_bars_as_long_as_what_they_pass_on(made_view):
    scores = torch.zeros(2, 1, 4, 4)
    scores[0, 0, 1, 2], scores[0, 0, 2, 1], scores[0, 0, 1, 3] = 2.0, 1.0, -3.0
    lines = text_of(made_view(scores, tokens=["[CLS]", "a", "b", "[SEP]"]), tree=chain(2)).split("\n")
    start = lines.index("What tokens pass on for yes")
    assert [line.split() for line in lines[start + 1 : start + 6]] == [
        ["[CLS]", "0.0000"],
        ["a", "1.0000", 20 * "#"],
        ["b", "2.0000", 40 * "#"],
        ["[SEP]", "0.0000"],
        [],
    ]
    scores = torch.arange(60.0).repeat(1, 1, 60, 1)
    text = text_of(made_view(scores), tree=chain(2))
    assert "What tokens pass on for yes (24 of 60 tokens)\nt36 " in text
    assert "\nt59 " in text
    assert "\nt35 " not in text


def test_edges_and_classes(made_view):
    scores = torch.zeros(2, 3, 4, 4)
    scores[1, 2, 0, 3], scores[0, 1, 2, 1] = -0.5, 0.25
    text = text_of(made_view(scores, tokens=["[CLS]", "a", "b", "[SEP]"]), tree=chain(2))
    assert "yes    0.750  predicted, explained\nno     0.250\n" in text
    lines = text.split("\n")
    start = lines.index("Strongest edges for yes")
    assert lines[start + 2].split() == ["[CLS]", "->", "[SEP]", "2", "3", "-0.5000"]
    assert lines[start + 3].split() == ["b", "->", "a", "1", "2", "+0.2500"]


def test_the_class_that_is_explained_is_shown_however_unlikely(made_view):
    view = made_view(noise(2, 1, 4, 4), classes=[f"c{place}" for place in range(20)])
    (one,) = view.explanations
    shown = replace(view, probabilities=[0.9, *[0.1 / 19] * 19], explanations=(replace(one, target=17),))
    text = text_of(shown)
    assert re.search(r"c0 +0.900  predicted\n", text)
    assert re.search(r"c17 +0.005  explained\n", text)
    assert len(re.findall(r"^c\d+ ", text, flags=re.MULTILINE)) == 9


def test_what_has_not_converged_is_said(made_view):
    view = made_view(noise(3, 1, 4, 4))
    (one,) = view.explanations
    text = text_of(view)
    assert "\nConverged: estimated error at most 0.4 %.\n" in text
    assert "gap" not in text
    missed = replace(one, unconverged=[False, True, True], completeness_gap=[0.0, 0.02 * one.absolute[1], 0.0])
    text = text_of(replace(view, explanations=(missed,)))
    assert "NOT converged in layer 2, 3" in text
    assert "at most 2 % of the scores, in layer 2." in " ".join(text.split())


def test_a_corpus_has_a_line_for_each_text():
    def record(number, *, converged=True, **edge):
        facts = {"tokens": ["[CLS]", "a", "b", "a", "[SEP]"], "classes": ["yes", "no"], "target": 1, "value": 0.875}
        strongest = {"query": 0, "key": 2, "value": -9.0}
        return {"number": number, "converged": converged, "edges": [strongest, edge], **facts}

    records = [record(1, query=2, key=1, value=0.5), record(2, converged=False, query=3, key=2, value=0.25)]
    text = corpus_text(records, model="a model", output="probability", unknown=2, tokens=10)
    lines = text.split("\n")
    assert lines[3].split() == ["1", "no", "0.875", "b", "->", "a(1)", "+0.500"]
    assert lines[4].split() == ["2", "no", "0.875", "a(2)", "->", "b", "+0.250", "!"]
    assert "!: 1 of 2 not converged" in text
    assert "2 of 10 tokens are unknown" in text
    quiet = corpus_text(records[:1], model="a model", output="log_probability", unknown=0, tokens=10)
    assert "converged" not in quiet
    assert "\nvalue: the log probability of what is explained.\n" in quiet
    assert "value: " not in text
    assert "unknown" not in quiet
