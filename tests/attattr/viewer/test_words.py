"""What is said of an explanation: the cases, each by numbers that are made for it."""

import re
from dataclasses import replace

import pytest
import torch

from attattr.tree import AttributionTree, TreeEdge
from attattr.viewer.tree_words import tree_words
from attattr.viewer.view import Carried
from attattr.viewer.words import answer, listed, shown, unknown_words

TREE = AttributionTree(1, (TreeEdge(1, 2, 0, 0.5), TreeEdge(1, 3, 0, 0.25), TreeEdge(0, 1, 1, 0.5)))
BARE = AttributionTree(1, (TreeEdge(0, 1, 1, 0.5),))


@pytest.fixture
def view(made_view):
    """Of five tokens, of which two and three are read."""
    scores = torch.zeros(2, 1, 5, 5)
    scores[0, 0, 1, 2], scores[0, 0, 1, 3], scores[0, 0, 3, 1] = 0.75, 0.25, -2.0
    return made_view(scores, tokens=["[CLS]", "not", "good", ".", "[SEP]"])


def explained(view, **changes):
    return replace(view.explanations[0], **changes)


def tree_said(view, carried, *, tree=TREE, tau=0.4, lower=(), **changes):
    return tree_words(view, explained(view, **changes), tree, tau=tau, carried=carried, lower=lower)


def test_prediction_tokens_and_what_is_without_attention(view):
    said = answer(view, view.explanations[0], Carried(0.75, 0.25, 0.5, (0.25,)))
    assert said == (
        'The model predicts yes (0.750). "good" and "." pass on 100 % of what speaks for it. '
        "Without attention between tokens the probability would be 0.250."
    )
    assert "Without" not in answer(view, view.explanations[0], None)
    assert "Without" not in answer(view, view.explanations[0], Carried(0.75, float("nan"), 0.5, (0.25,)))


@pytest.mark.parametrize(
    ("passed_on", "said"),
    [
        ([0.0, 0, 0, 0, 0], "No token passes on anything that speaks for it."),
        ([0.0, 6, 1, 1, 0], '"not" passes on 75 % of what speaks for it.'),
        ([1.0, 1, 1, 1, 0], '"[CLS]", "not" and "good" pass on 75 % of what speaks for it.'),
    ],
)
def test_as_many_tokens_are_named_as_stand_out(view, passed_on, said):
    assert said in answer(view, explained(view, passed_on=torch.tensor(passed_on)), None)


def test_tokens_that_occur_several_times_are_named_as_everywhere(view):
    said = answer(replace(view, tokens=["[CLS]", "not", "the", "the", "[SEP]"]), view.explanations[0], None)
    assert '"the(1)" and "the(2)"' in said


@pytest.mark.parametrize(
    ("none", "said"),
    [
        (0.7501, "would be 0.750 too, so that attention has nothing to explain."),
        (0.9, "would be 0.900: together, all edges speak against it."),
        (0.7, "would be 0.700: little is lost."),
        (0.0, "would be below 0.001."),
    ],
)
def test_what_attention_does(view, none, said):
    assert answer(view, view.explanations[0], Carried(0.75, none, 0.5, (0.5,))).endswith(said)


def test_what_is_explained_is_named_where_it_is_not_the_prediction(view):
    other = explained(view, target=1, value=0.25)
    assert answer(view, other, None).startswith("The model predicts yes (0.750). Explained is no (0.250). ")
    margin = explained(view, output="margin", value=1.0986)
    assert "predicts yes (0.750). Explained is the log-odds of yes, 1.1. " in answer(view, margin, None)
    assert "the log-odds would be -0.3." in answer(view, margin, Carried(1.1, -0.3, 0.5, (0.5,)))


def test_labels_and_values(view):
    labels = replace(view, kind="labels", classes=["joy", "fear", "rage"], probabilities=[0.8, 0.6, 0.1])
    logit = explained(view, output="logit", value=1.5)
    both = answer(replace(labels, predicted=(0, 1)), logit, None)
    assert both.startswith("The model predicts joy (0.800) and fear (0.600). Explained is the logit of joy, 1.5. ")
    none = answer(replace(labels, predicted=()), logit, None)
    assert none.startswith("The model predicts no label, as no probability is above 0.5. Explained is the logit of joy")
    score = replace(view, kind="values", classes=["score"], probabilities=[], values=[1.5], predicted=())
    said = answer(score, logit, Carried(1.5, 0.25, 1, (1.0,)))
    assert said.startswith("The model gives score the value 1.5. ")
    assert said.endswith("the value would be 0.25.")
    words = tree_said(score, Carried(1.5, 0.25, 0.3, (0.2,)), output="logit")
    assert words.verdict == "Carries 4 %, random trees of its size nothing: this tree does not explain the value."


@pytest.mark.parametrize(
    ("tree", "random", "way", "by_chance", "level", "verdict"),
    [
        (
            0.4,
            (0.25, 0.25),
            "60 % of the way to all edges",
            "none of it",
            "most",
            "60 %, {} nothing: {} explains most of {}",
        ),
        (0.3, (0.2, 0.25), "20 % of the way", "less than without", "part", "20 %, {} nothing: {} explains part of {}"),
        (0.26, (0.2, 0.24), "4 % of the way", "less than without", "none", "4 %, {} nothing: {} does not explain {}"),
        (0.2, (0.1, 0.1), "less than without attention", "less", "none", "nothing, nor do {}: {} does not explain {}"),
        (0.25, (0.25, 0.25), "none of the way", "none", "none", "nothing, nor do {}: {} does not explain {}"),
        (0.3, (0.35, 0.45), "20 %", "60 % of it", "none", "20 %, {} 60 %: {} does not explain {}"),
        (0.4, (0.45, 0.25), "60 %", "40 % of it", "part", "60 %, {} 40 %, one of 2 even 80 %: this may be chance"),
        (0.48, (0.47, 0.46), "92 %", "86 %", "part", "92 %, {} 86 %: {} explains little of {} that others do not"),
        (0.6, (0.25, 0.25), "more than all edges", "none of it", "most", "140 %, {} nothing: {} explains {}"),
    ],
)
def test_how_far_a_tree_leads(view, tree, random, way, by_chance, level, verdict):
    words = tree_said(view, Carried(0.5, 0.25, tree, random))
    own, chance = words.sentence.split("; ")
    assert own.startswith(f"The tree at threshold 0.40 (2 edges) alone gives {tree:.3f}, {way}")
    mean = sum(random) / 2
    assert re.fullmatch(rf"2 random trees of its size give {mean:.3f} on average, {by_chance}.*\.", chance)
    assert words.level == level
    assert words.verdict == f"Carries {verdict.format('random trees of its size', 'this tree', 'the prediction')}."


def test_a_class_that_is_not_predicted_is_named(view):
    assert tree_said(view, Carried(0.5, 0.1, 0.1, (0.1,)), target=1).verdict.endswith("does not explain no.")


@pytest.mark.parametrize(
    ("tree", "level", "verdict"),
    [
        (0.626, "part", "All edges together lower the probability; this tree alone raises it, from 0.540 to 0.626."),
        (0.5, "none", "All edges together lower the probability; this tree alone does not raise it."),
    ],
)
def test_no_share_is_said_where_all_edges_together_speak_against_it(view, tree, level, verdict):
    words = tree_said(view, Carried(0.302, 0.54, tree, (0.3, 0.5)))
    assert (words.verdict, words.level) == (verdict, level)
    assert words.sentence == (
        f"The tree at threshold 0.40 (2 edges) alone gives {tree:.3f}; "
        "2 random trees of its size give 0.400 on average."
    )
    assert "%" not in words.sentence + words.verdict


def test_where_attention_changes_nothing_there_is_nothing_to_carry(view):
    words = tree_said(view, Carried(0.5, 0.5, 0.5, (0.5,)))
    assert words.verdict == "Nothing to carry: without any edge the probability is the same."
    assert "%" not in words.sentence


def test_a_threshold_that_leaves_no_edge(view):
    words = tree_said(view, None, tree=BARE, tau=0.4, lower=[(0.3, BARE), (0.2, TREE), (0.1, BARE)])
    assert words.sentence == (
        'The tree at threshold 0.40 has no edge: none that leads from "not" exceeds 0.40 of its layer\'s largest; '
        "0.20 has 2."
    )
    assert (words.verdict, words.level) == ("", "unknown")
    assert tree_said(view, None, tree=BARE, lower=[(0.0, BARE)]).sentence.endswith("; no threshold has one.")
    assert "no tree, as no token has" in tree_said(view, None, tree=AttributionTree(None, ())).sentence


def test_what_was_not_measured_is_not_judged(view):
    for carried in (None, Carried(0.5, float("nan"), 0.5, (0.5,))):
        words = tree_said(view, carried)
        assert words.sentence == "The tree at threshold 0.40 (2 edges): what it carries is not measured."
        assert (words.verdict, words.level) == ("", "unknown")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.9999, "probability", "above 0.999"), (0.0004, "probability", "below 0.001"), (-1234.5, "logit", "-1.23e+03")],
)
def test_numbers_say_no_more_than_they_know(value, unit, text):
    assert shown(value, unit) == text


def test_lists_are_those_of_a_sentence():
    assert [listed(["a", "b", "c"][:count]) for count in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_unknown_words_are_shown(view):
    own = ["[CLS]", *(f"w{place}" for place in range(20)), "[SEP]"]
    text = replace(view, tokens=own, special=(0, 21))
    assert unknown_words(replace(text, unknown=(3,))) == ""  # 5 % of them
    assert unknown_words(replace(view, unknown=(2,))) == '1 of 3 tokens is unknown to the model: "good".'
    said = "tokens are unknown to the model, which cannot tell them apart: "
    assert unknown_words(replace(text, unknown=(3, 5))) == f'2 of 20 {said}"w2" and "w4".'
    assert unknown_words(replace(text, unknown=range(1, 16))).endswith('"w11" and 3 more.')
    alike = replace(text, tokens=["[CLS]", *["wug"] * 20, "[SEP]"], unknown=(3, 5))
    assert unknown_words(alike) == f'2 of 20 {said}"wug".'


@pytest.mark.parametrize(("count", "shown"), [(10, True), (11, False)])
def test_of_a_text_that_is_mostly_unknown_no_tree_is_shown(view, count, shown):
    text = replace(view, tokens=["[CLS]", *["wug"] * 20, "[SEP]"], special=(0, 21), unknown=range(1, count + 1))
    words = tree_said(text, Carried(0.75, 0.25, 0.5, (0.25,)))
    assert words.sentence.startswith("The tree at") is shown
    assert ("--model" in words.verdict) is not shown
