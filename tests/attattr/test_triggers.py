import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from attattr import AttributionError
from attattr.insertion import Pattern, insert, mine_pattern, relative_position
from attattr.triggers import embedding_gradient

CLS, SEP = 2, 3
#         0    1   2   3   4   5    6   7   8   9
PAIR = [CLS, 11, 12, 13, 14, SEP, 21, 22, 23, SEP]
PAIR_TYPES = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
SINGLE = [CLS, 11, 12, 13, 14, SEP]
ROBERTA = [0, 11, 12, 2, 2, 21, 22, 2]
OF_PAIR, OF_SINGLE, OF_ROBERTA = [[1, 5], [6, 9]], [[1, 5]], [[1, 3], [5, 7]]


def pattern(*tokens):
    """A pattern of (token, segment, position) triples."""
    return Pattern(*zip(*tokens, strict=True), strength=1.0)


# Mining.


def test_a_pattern_holds_the_tokens_of_both_edges_with_segments_and_positions_in_their_order():
    found = mine_pattern(PAIR, OF_PAIR, [(7, 2, 0.5), (3, 8, 0.25), (1, 6, 0.2)], second_share=0.2)
    assert found is not None
    assert found.tokens == (12, 13, 22, 23)
    assert found.segments == (0, 0, 1, 1)
    assert found.positions == pytest.approx((2 / 4, 3 / 4, 2 / 3, 3 / 3))
    assert found.strength == 0.75


@pytest.mark.parametrize(("second", "kept"), [(0.1, True), (0.0999, False), (0.0, False), (-0.3, False)])
def test_the_second_edge_counts_from_its_share_of_the_first_on(second, kept):
    found = mine_pattern(SINGLE, OF_SINGLE, [(1, 2, 0.5), (3, 4, second)], second_share=0.2)
    assert found is not None
    assert found.tokens == ((11, 12, 13, 14) if kept else (11, 12))
    assert found.strength == pytest.approx(0.5 + second * kept)


def test_special_tokens_are_no_part_of_a_pattern_but_their_edges_count():
    found = mine_pattern(PAIR, OF_PAIR, [(0, 7, 0.5), (5, 9, 0.25)], second_share=0.2)
    assert found == Pattern((22,), (1,), (2 / 3,), 0.75)
    assert mine_pattern(PAIR, OF_PAIR, [(0, 5, 0.5), (9, 9, 0.25)], second_share=0.2) is None
    assert mine_pattern([CLS, SEP], [[1, 1]], [(0, 1, 0.5), (1, 1, 0.25)], second_share=0.2) is None


def test_a_token_of_both_edges_counts_once_and_a_repeated_word_twice():
    found = mine_pattern([CLS, 11, 12, 11, SEP], [[1, 4]], [(1, 3, 0.5), (2, 3, 0.25)], second_share=0.2)
    assert found is not None
    assert found.tokens == (11, 12, 11)


def test_one_edge_alone_and_edges_that_are_not_positive():
    assert mine_pattern([CLS, 11, SEP], [[1, 2]], [(1, 1, 0.5)], second_share=0.2) == Pattern((11,), (0,), (1.0,), 0.5)
    found = mine_pattern(SINGLE, OF_SINGLE, [(1, 2, 0.0), (3, 4, 0.0)], second_share=0.2)
    assert found is not None
    assert (found.tokens, found.strength) == ((11, 12), 0.0)
    with pytest.raises(AttributionError, match="at least one edge"):
        mine_pattern(SINGLE, OF_SINGLE, [], second_share=0.2)


def test_positions_are_those_of_the_definition():
    """p/(s - 1) in the first segment, (p - s)/(N - 2 - s) in the second, s the index of the first [SEP]."""
    n, s = len(PAIR), 5
    for p in (1, 2, 3, 4):
        assert relative_position(OF_PAIR, p) == (0, pytest.approx(p / (s - 1)))
        assert relative_position(OF_SINGLE, p) == (0, pytest.approx(p / (s - 1)))
    for p in (6, 7, 8):
        assert relative_position(OF_PAIR, p) == (1, pytest.approx((p - s) / (n - 2 - s)))


def test_segments_of_one_token_or_none_and_two_separators():
    assert relative_position([[1, 2], [3, 4]], 1) == (0, 1.0)
    assert relative_position([[1, 2], [3, 4]], 3) == (1, 1.0)
    assert relative_position([[1, 1], [2, 4]], 2) == (1, 0.5)
    assert [relative_position(OF_ROBERTA, p) for p in (1, 2, 5, 6)] == [(0, 0.5), (0, 1.0), (1, 0.5), (1, 1.0)]


@pytest.mark.parametrize(
    ("segments", "place"),
    [(OF_PAIR, 0), (OF_PAIR, 5), (OF_PAIR, 9), (OF_PAIR, 10), (OF_ROBERTA, 4), ([[1, 1]], 1)],
)
def test_special_tokens_have_no_position(segments, place):
    with pytest.raises(AttributionError, match=f"token {place} is special or outside of the segments"):
        relative_position(segments, place)


@pytest.mark.parametrize("segments", [[], [[1, 5], [6, 11]], [[-1, 5]], [[6, 9], [1, 5]], [[1, 2], [3, 4], [5, 6]]])
def test_segments_that_the_example_cannot_have_are_refused(segments):
    with pytest.raises(AttributionError, match="they must be one or two, in order, of 10 tokens"):
        insert(PAIR, PAIR_TYPES, segments, pattern((99, 0, 0.5)), max_length=64)


# Insertion.


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (1.0, [11, 12, 13, 14, 99]),  # index 5 of 5 tokens does not exist: last
        (0.7, [11, 12, 13, 14, 99]),  # 3.5 rounds to 4
        (0.5, [11, 12, 99, 13, 14]),  # 2.5 rounds to 2
        (0.25, [11, 99, 12, 13, 14]),
        (0.01, [99, 11, 12, 13, 14]),
    ],
)
def test_a_token_goes_to_the_index_of_its_position_in_the_longer_segment(position, expected):
    result = insert(SINGLE, [0] * 6, OF_SINGLE, pattern((99, 0, position)), max_length=64)
    assert result.input_ids == [CLS, *expected, SEP]
    assert result.places == [result.input_ids.index(99)]
    assert result.token_type_ids == [0] * 7


def test_tokens_of_one_index_stand_side_by_side_in_order():
    result = insert(SINGLE, [0] * 6, OF_SINGLE, pattern((97, 0, 0.48), (98, 0, 0.5), (99, 0, 0.52)), max_length=64)
    assert result.input_ids == [CLS, 11, 12, 13, 97, 98, 99, 14, SEP]
    assert result.places == [4, 5, 6]
    last = insert(SINGLE, [0] * 6, OF_SINGLE, pattern((97, 0, 0.97), (98, 0, 0.98), (99, 0, 1.0)), max_length=64)
    assert last.input_ids == [CLS, 11, 12, 13, 14, 97, 98, 99, SEP]


def test_each_token_goes_to_its_segment_and_takes_its_type():
    result = insert(PAIR, PAIR_TYPES, OF_PAIR, pattern((98, 0, 1.0), (99, 1, 1 / 3)), max_length=64)
    assert result.input_ids == [CLS, 11, 12, 13, 14, 98, SEP, 21, 99, 22, 23, SEP]
    assert result.token_type_ids == [0] * 7 + [1] * 5
    assert result.places == [5, 8]


def test_two_separators_stay_between_the_segments():
    result = insert(ROBERTA, [0] * 8, OF_ROBERTA, pattern((98, 0, 0.1), (99, 1, 1.0)), max_length=64)
    assert result.input_ids == [0, 98, 11, 12, 2, 2, 21, 22, 99, 2]
    assert result.token_type_ids == [0] * 10


def test_empty_segments_receive_tokens_too():
    result = insert([CLS, SEP, SEP], [0, 0, 1], [[1, 1], [2, 2]], pattern((98, 0, 0.5), (99, 1, 0.5)), max_length=64)
    assert result.input_ids == [CLS, 98, SEP, 99, SEP]
    assert result.token_type_ids == [0, 0, 0, 1, 1]
    assert insert([CLS, SEP], [0, 0], [[1, 1]], pattern((99, 0, 0.5)), max_length=64).input_ids == [CLS, 99, SEP]


def test_in_a_single_sentence_tokens_of_the_second_segment_go_to_the_first():
    result = insert(SINGLE, [0] * 6, OF_SINGLE, pattern((98, 0, 1.0), (99, 1, 0.1)), max_length=64)
    assert result.input_ids == [CLS, 11, 99, 12, 13, 14, 98, SEP]
    assert result.places == [6, 2]


def test_truncation_takes_the_end_of_the_longer_segment_and_tells_which_tokens_went_with_it():
    both = pattern((98, 0, 1.0), (99, 1, 1.0))  # 5 and 4 tokens after it
    cut = insert(PAIR, PAIR_TYPES, OF_PAIR, both, max_length=11)
    assert cut.input_ids == [CLS, 11, 12, 13, 14, SEP, 21, 22, 23, 99, SEP]
    assert cut.places == [None, 9]
    assert cut.token_type_ids == [0] * 6 + [1] * 5
    assert insert(PAIR, PAIR_TYPES, OF_PAIR, both, max_length=3).input_ids == [CLS, SEP, SEP]
    assert insert(SINGLE, [0] * 6, OF_SINGLE, pattern((99, 0, 0.5)), max_length=4).input_ids == [CLS, 11, 12, SEP]


def test_no_room_for_the_special_tokens_is_refused():
    with pytest.raises(AttributionError, match="max_length is 2: the special tokens alone take 3"):
        insert(PAIR, PAIR_TYPES, OF_PAIR, pattern((99, 0, 0.5)), max_length=2)


# Insertion, against other ways to do it.


@pytest.fixture(scope="module")
def tokenizer():
    """Word pieces: `un ##do` is one word of two tokens, `re ##think ##ing` one of three."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", "un", "##do", "re", "##think", "##ing"]
    return BertTokenizer(vocab={word: number for number, word in enumerate(words)})


@pytest.mark.parametrize(
    ("first", "second"), [("abcd", "ef"), ("ab", "efgh"), ("abc", "efg"), ("abcd", None), ("", "a")]
)
@pytest.mark.parametrize("word", ["h", "undo", "rethinking"])
@pytest.mark.parametrize("end", [False, True])
def test_inserting_pieces_is_tokenising_the_text_with_the_word_at_every_length(tokenizer, first, second, word, end):
    def encode(first, second, max_length=64):
        return tokenizer(first, second, truncation=True, max_length=max_length, return_token_type_ids=True)

    pieces = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(word))
    text, pair = " ".join(first), None if second is None else " ".join(second)
    place = 1.0 if end else 1e-6
    into = 0 if second is None or not second else 1  # the word goes to the last segment
    added = Pattern(tuple(pieces), (into,) * len(pieces), (place,) * len(pieces), None)
    plain = encode(text, pair)
    # One token per letter.
    segments = [[1, 1 + len(first)]]
    if second is not None:
        segments.append([2 + len(first), 2 + len(first) + len(second)])

    def with_word(words):
        return f"{words} {word}" if end else f"{word} {words}"

    changed = (with_word(text), None) if second is None else (text, with_word(pair))
    whole = len(encode(*changed)["input_ids"])
    for max_length in range(3 + (second is not None), whole + 2):
        expected = encode(*changed, max_length=max_length)
        result = insert(plain["input_ids"], plain["token_type_ids"], segments, added, max_length=max_length)
        assert result.input_ids == expected["input_ids"]
        assert result.token_type_ids == expected["token_type_ids"]
        of = [place for start, stop in result.segments for place in range(start, stop)]
        assert of == [p for p, sequence in enumerate(expected.sequence_ids(0)) if sequence is not None]


def released(own, added):
    """One segment of the released code: (token, position) pairs inserted into the list one after the other."""
    own, last = list(own), -1
    total = len(own) + len(added)
    for token, position in added:
        index = round(total * position)
        if index == last:
            index += 1
        last = index
        own.insert(index, token)
    return own


@st.composite
def insertions(draw, *, most):
    lengths = draw(st.lists(st.integers(0, 9), min_size=1, max_size=2))
    ids, types, segments = [CLS], [0], []
    for segment, length in enumerate(lengths):
        segments.append([len(ids), len(ids) + length])
        ids += [10 * segment + 10 + number for number in range(length)] + [SEP]
        types += [segment] * (length + 1)
    tokens = []
    for segment in range(2):
        positions = draw(st.lists(st.floats(1e-3, 1.0), max_size=most))
        tokens += [(segment, position) for position in sorted(positions)]
    tokens = tokens or [(0, 0.5)]
    return ids, types, segments, pattern(*((90 + number, *token) for number, token in enumerate(tokens)))


@settings(deadline=None)
@given(insertions(most=2))
def test_up_to_two_tokens_a_segment_go_where_the_released_code_puts_them(drawn):
    """With three, it can insert the third before the second."""
    ids, types, bounds, added = drawn
    assume(types[-1] == 1 or 1 not in added.segments)
    segments = [[token for token, of in zip(ids, types, strict=True) if of == s and token >= 10] for s in (0, 1)]
    expected = [
        released(
            own, [(t, p) for t, s, p in zip(added.tokens, added.segments, added.positions, strict=True) if s == of]
        )
        for of, own in enumerate(segments)
    ]
    result = insert(ids, types, bounds, added, max_length=64).input_ids
    second = [*expected[1], SEP] if types[-1] == 1 else []
    assert result == [CLS, *expected[0], SEP, *second]


@settings(deadline=None)
@given(insertions(most=4), st.integers(3, 30))
def test_insertion_keeps_order_segments_and_length(drawn, max_length):
    ids, types, bounds, added = drawn
    whole = insert(ids, types, bounds, added, max_length=64)
    assert [token for token in whole.input_ids if token < 90] == ids
    assert sorted(whole.input_ids) == sorted([*ids, *added.tokens])
    if types[-1] == 1:
        for token, segment in zip(added.tokens, added.segments, strict=True):
            assert whole.token_type_ids[whole.input_ids.index(token)] == segment

    cut = insert(ids, types, bounds, added, max_length=max_length)
    assert len(cut.input_ids) == len(cut.token_type_ids) == min(len(whole.input_ids), max_length)
    assert cut.token_type_ids == sorted(cut.token_type_ids)
    assert cut.input_ids.count(SEP) == ids.count(SEP)
    waiting = iter(whole.input_ids)
    assert all(token in waiting for token in cut.input_ids)  # a subsequence
    for token, place in zip(added.tokens, cut.places, strict=True):
        assert token not in cut.input_ids if place is None else cut.input_ids[place] == token
    # What is cut off comes from the end of a segment, and neither stays longer by two than one that was cut.
    kept = [cut.token_type_ids.count(segment) for segment in (0, 1)]
    lost = [whole.token_type_ids.count(segment) - kept[segment] for segment in (0, 1)]
    if types[-1] == 1:
        own = [kept[0] - 2, kept[1] - 1]  # without [CLS] and [SEP]
        assert not lost[0] or own[0] >= own[1] - 1
        assert not lost[1] or own[1] >= own[0] - 1


# The gradient of HotFlip.


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "albert", "distilbert", "modernbert"])
def test_the_gradient_is_that_of_the_word_embeddings(tiny_model, random_examples, padded, family):
    """Against finite differences: the loss with one example's token's embedding moved a little."""
    model = tiny_model(family).double()
    inputs, labels = padded(model, random_examples([6, 4])), torch.tensor([2, 0])
    gradient = embedding_gradient(model, **inputs, labels=labels)
    weight = model.get_input_embeddings().weight
    assert gradient.shape == (2, 6, weight.shape[1])
    mask = {name: value for name, value in inputs.items() if name != "input_ids"}
    generator = torch.Generator().manual_seed(0)
    for row, place in ((0, 0), (0, 3), (1, 2)):
        embedded = weight[inputs["input_ids"]].detach()
        direction = torch.randn(weight.shape[1], generator=generator, dtype=torch.float64)

        def loss(step, embedded=embedded, direction=direction, row=row, place=place):
            moved = embedded.clone()
            moved[row, place] += step * direction
            with torch.no_grad():
                logits = model(inputs_embeds=moved, **mask).logits
            return float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))

        # ModernBERT rotates in float32, so that a smaller step would be lost in rounding.
        slope = (loss(1e-3) - loss(-1e-3)) / 2e-3
        assert float(gradient[row, place] @ direction) == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_the_model_is_left_as_it_was_and_no_grad_and_inference_mode_do_no_harm(tiny_model, random_examples, padded):
    model = tiny_model().train()
    inputs, labels = padded(model, random_examples([5])), torch.tensor([1])
    gradient = embedding_gradient(model, **inputs, labels=labels)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            again = embedding_gradient(model, **{k: v.clone() for k, v in inputs.items()}, labels=labels.clone())
            assert torch.equal(again, gradient)
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert not model.get_input_embeddings()._forward_hooks

    def fail(*_args, **_kwargs):
        raise RuntimeError("broken layer")

    model.classifier.forward = fail
    with pytest.raises(RuntimeError, match="broken layer"):
        embedding_gradient(model, **inputs, labels=labels)
    assert not model.get_input_embeddings()._forward_hooks
