"""What the viewer shows, against direct calls of the engine and forward passes."""

import json
from dataclasses import replace

import pytest
import torch

from attattr.attribution import attribute
from attattr.edge_sets import only
from attattr.faithfulness import masked_edges
from attattr.tree import attribution_tree, grow_tree, tree_root
from attattr.viewer import shares
from attattr.viewer.measure import explained, named, whole_views, with_trees
from attattr.viewer.pack import packed
from attattr.viewer.shares import carried_by, with_shares
from attattr.viewer.view import THRESHOLDS

LENGTHS = [9, 5, 14, 5, 11]


def views_of(model, examples, *, target="predicted", whole=True, **options):
    found = dict(explained(model, examples, target=target, whole=whole, options=options))
    return [found[place] for place in range(len(examples))]


def doubled(model):
    """In double precision the order of sums does not matter to what is compared."""
    return model.double()


@pytest.fixture(scope="module", params=[2, 3])
def explained_alone(request, tiny_model, random_examples):
    """A model of so many classes, examples, and their views."""
    model = doubled(tiny_model(labels=request.param))
    examples = random_examples(LENGTHS, labels=request.param)
    return model, examples, views_of(model, examples)


def test_every_class_is_explained_as_by_a_call_of_its_own(explained_alone, padded):
    model, examples, views = explained_alone
    classes = model.config.num_labels
    for example, view in zip(examples, views, strict=True):
        inputs = padded(model, [example])
        logits = model(**inputs).logits[0]
        predicted = int(logits.argmax())
        assert (view.predicted, view.gold, view.name) == ((predicted,), example.label, example.example_id)
        assert view.probabilities == pytest.approx(logits.softmax(dim=0).tolist(), abs=1e-6)
        order = [predicted, *(label for label in range(classes) if label != predicted)]
        assert [one.target for one in view.explanations] == order
        for one in view.explanations:
            alone = attribute(model, **inputs, target=one.target)
            torch.testing.assert_close(one.attribution, alone.attribution[0].float(), atol=1e-7, rtol=1e-5)
            torch.testing.assert_close(view.attention, alone.attention_probs[0].float())
            assert one.output == "probability"
            assert one.value == pytest.approx(view.probabilities[one.target], abs=1e-6)
            assert one.steps == alone.steps[0].tolist()
            assert one.unconverged == alone.unconverged[0].tolist()
            assert one.estimated_error == pytest.approx(alone.last_change[0].tolist(), rel=1e-3)
            assert one.completeness_gap == pytest.approx(alone.completeness_gap[0].tolist(), abs=1e-7)
            change = alone.output[0] - alone.baseline_output[0]
            assert one.output_change == pytest.approx(change.tolist(), abs=1e-7)
            assert one.absolute == pytest.approx(alone.attribution[0].abs().sum(dim=(1, 2, 3)).tolist(), rel=1e-5)


def test_heads_and_tokens_are_those_of_the_class(explained_alone, padded, with_attention):
    model, examples, views = explained_alone
    for example, view in zip(examples, views, strict=True):
        logits, probs = with_attention(model, padded(model, [example]))
        attention = torch.stack([layer[0] for layer in probs]).detach()
        for one in view.explanations:
            scores = attribute(model, **padded(model, [example]), target=one.target).attribution[0]
            by_probs = torch.autograd.grad(logits[0].softmax(dim=0)[one.target], probs, retain_graph=True)
            gradient = attention * torch.stack([layer[0] for layer in by_probs])
            expected = {
                "attribution, summed": scores.sum(dim=(2, 3)),
                "attribution, largest edge": scores.amax(dim=(2, 3)),
                "gradient × attention, summed": gradient.sum(dim=(2, 3)),
                "attention, largest": attention.amax(dim=(2, 3)),
                "attention, confidence": attention.amax(dim=3).mean(dim=2),
            }
            assert one.heads.keys() == expected.keys()
            for method, values in expected.items():
                torch.testing.assert_close(one.heads[method], values.float(), atol=1e-7, rtol=1e-4)
            torch.testing.assert_close(one.gradient_sum, gradient.sum(dim=1), atol=1e-7, rtol=1e-4)
            passed_on = scores.clamp(min=0).sum(dim=(0, 1, 2))
            torch.testing.assert_close(one.passed_on, passed_on.float(), atol=1e-7, rtol=1e-4)


def test_trees_are_those_of_the_class_at_every_threshold(explained_alone, padded):
    model, examples, views = explained_alone
    for example, view in zip(examples[:3], views[:3], strict=True):
        for one in with_trees(view).explanations:
            head_sum = attribute(model, **padded(model, [example]), target=one.target).attribution[0].sum(dim=1)
            expected = [attribution_tree(head_sum, tau=tau) for tau in THRESHOLDS]
            assert len(one.trees) == len(expected) == 100
            for tree, other in zip(one.trees, expected, strict=True):
                assert tree.root == other.root
                assert [edge[:3] for edge in tree.edges] == [edge[:3] for edge in other.edges]


def test_what_is_not_shown_is_not_computed(tiny_model, random_examples):
    model, examples = doubled(tiny_model(labels=3)), random_examples(LENGTHS)
    for light, whole in zip(views_of(model, examples, whole=False), views_of(model, examples), strict=True):
        (one,) = light.explanations
        assert one.gradient_sum is None
        assert one.target == whole.explanations[0].target
        assert torch.equal(one.attribution, whole.explanations[0].attribution)


def test_a_class_that_is_asked_for_comes_first(tiny_model, random_examples):
    model, examples = tiny_model(labels=3), random_examples([6, 8])
    for view in views_of(model, examples, target=2):
        assert [one.target for one in view.explanations] == [2, 0, 1]


def test_of_many_classes_the_predicted_and_the_gold_one_are_explained(tiny_model, random_examples, padded):
    model = doubled(tiny_model(labels=7))
    examples = random_examples([6, 7, 6, 8, 7, 6, 9, 6], labels=7)
    examples[3] = replace(examples[3], label=-1)  # without a gold class
    wrong = 0
    for example, view in zip(examples, views_of(model, examples), strict=True):
        (predicted,) = view.predicted
        expected = [predicted, *({example.label} - {predicted, -1})]
        assert [one.target for one in view.explanations] == expected
        wrong += len(expected) > 1
        for one in view.explanations:
            alone = attribute(model, **padded(model, [example]), target=one.target).attribution[0]
            torch.testing.assert_close(one.attribution, alone.float(), atol=1e-7, rtol=1e-5)
    assert wrong > 2
    for example, view in zip(examples, views_of(model, examples, target=5), strict=True):
        others = sorted({example.label, *view.predicted} - {5, -1})
        assert [one.target for one in view.explanations] == [5, *others]


def value_under(model, inputs, mask, one):
    """F of the class under the mask `(layer, query, key)`, by the model's own forward pass."""
    with torch.no_grad():
        logits = masked_edges(model, mask[None])(**inputs).logits[0]
    return float(logits[one.target] if one.output == "logit" else logits.softmax(dim=0)[one.target])


def largest_by_hand(head_sum, size):
    """Of every layer's edges that a tree may take the largest, one by one."""
    mask = torch.eye(head_sum.shape[1], dtype=torch.bool).repeat(len(head_sum), 1, 1)
    n, top = head_sum.shape[1], len(head_sum) - 1
    for layer, count in enumerate(size):
        readers = [0] if layer == top else range(1, n)
        edges = [(query, key) for query in readers for key in range(1, n) if query != key]
        edges.sort(key=lambda edge, layer=layer: -float(head_sum[layer][edge]))
        for query, key in edges[:count]:
            mask[layer, query, key] = True
    return mask


@pytest.mark.parametrize("labels", [1, 2, 3])
def test_shares_are_forward_passes_under_masks(tiny_model, random_examples, padded, monkeypatch, labels):
    model = doubled(tiny_model(labels=labels, layers=3))
    output = "logit" if labels == 1 else "probability"
    example = replace(random_examples([12], labels=labels)[0], label=0)
    masks = []

    def recorded(model, inputs, own, **options):
        masks.append(own)
        return measured(model, inputs, own, **options)

    measured = shares.edge_masked_logits
    monkeypatch.setattr(shares, "edge_masked_logits", recorded)
    (light,) = views_of(model, [example], output=output)
    view = with_shares(with_trees(light), model, example, seed=1)
    inputs = padded(model, [example])
    everything = torch.ones(3, 12, 12, dtype=torch.bool)
    for one, used in zip(view.explanations, masks, strict=True):
        known = {used[row].numpy().tobytes(): row for row in range(len(used))}
        full = value_under(model, inputs, everything, one)
        none = value_under(model, inputs, only([], layers=3, n=12), one)
        assert full == pytest.approx(one.value, abs=1e-6)
        for tree, share in list(zip(one.trees, one.shares, strict=True))[::7]:
            size = [sum(edge.layer == layer for edge in tree.edges) for layer in range(3)]
            assert (share.full, share.none) == (pytest.approx(full), pytest.approx(none))
            kept = only(tree.edges, layers=3, n=12)
            assert share.tree == pytest.approx(value_under(model, inputs, kept, one))
            largest = largest_by_hand(one.head_sum, size)
            assert share.largest == pytest.approx(value_under(model, inputs, largest, one))
            gradient = grow_tree(one.gradient_sum, root=tree_root(one.gradient_sum), budget=size)
            rival = only(gradient.edges, layers=3, n=12)
            assert share.gradient_x_attention == pytest.approx(value_under(model, inputs, rival, one))
            # Random trees come behind the largest edges of their size.
            start = known[largest.numpy().tobytes()] + 1
            assert len(share.random) == shares.RANDOM_TREES
            for mask, value in zip(used[start : start + len(share.random)], share.random, strict=True):
                assert (mask & ~torch.eye(12, dtype=torch.bool)).sum(dim=(1, 2)).tolist() == size
                assert value == pytest.approx(value_under(model, inputs, mask, one))
        assert len(set(one.shares)) > 1


def test_one_tree_alone_carries_what_it_carries_beside_others(tiny_model, random_examples):
    model, (example,) = doubled(tiny_model(labels=2)), random_examples([9], labels=2)
    (view,) = views_of(model, [example])
    view = with_shares(with_trees(view), model, example, seed=3)
    for one in view.explanations:
        for tree, share in list(zip(one.trees, one.shares, strict=True))[::30]:
            alone = carried_by(tree, one, model, example, seed=3)
            assert (alone.full, alone.none, alone.tree) == pytest.approx((share.full, share.none, share.tree))
            assert alone.random == pytest.approx(share.random)
    assert carried_by(tree, one, model, example, seed=4).random != pytest.approx(alone.random)


def test_shares_of_logits_where_logits_are_explained(tiny_model, random_examples, padded):
    model, examples = tiny_model(labels=3), random_examples([8])
    (view,) = views_of(model, examples, output="logit")
    view = with_shares(with_trees(view), model, examples[0], seed=1)
    logits = model(**padded(model, examples)).logits[0]
    assert view.probabilities == pytest.approx(logits.softmax(dim=0).tolist(), abs=1e-6)
    for one in view.explanations:
        assert one.output == "logit"
        assert one.value == pytest.approx(logits[one.target].item(), abs=1e-5)
        assert one.shares[0].full == pytest.approx(one.value, abs=1e-5)


def test_a_text_without_words_has_trees_of_one_edge(tiny_model, random_examples):
    model, (example,) = tiny_model(labels=2), random_examples([2], labels=2)
    seen = []
    for target in (0, 1):
        (view,) = views_of(model, [example], target=target)
        view = with_shares(with_trees(view), model, example, seed=1)
        seen += [(one.trees[0], one.shares[0]) for one in view.explanations if one.trees[0].edges]
    for tree, share in seen:
        assert [edge[:3] for edge in tree.edges] == [(0, 1, 1)]
        # There is but one such tree.
        assert share.random == pytest.approx([share.tree] * len(share.random))
        assert share.tree != pytest.approx(share.none, abs=1e-6)
    assert seen


@pytest.fixture
def shown(tiny_model, tokenizer):
    """`shown(examples)`: whole views."""
    how = {"target": "predicted", "options": {}, "seed": 3, "token_budget": 120}

    def of(examples):
        return whole_views(doubled(tiny_model(labels=3)), tokenizer, examples, **how)

    return of


def test_the_same_bytes_twice_and_in_any_company(shown, random_examples):
    examples = random_examples([6, 4, 7])
    together = shown(examples)
    assert [view.name for view in together] == ["e-0", "e-1", "e-2"]
    first = [json.dumps(packed([view])) for view in together]
    assert first == [json.dumps(packed([view])) for view in shown(examples)]
    assert first == [json.dumps(packed([view])) for view in reversed(shown(examples[::-1]))]
    assert first == [json.dumps(packed(shown([example]))) for example in examples]


def test_the_same_example_twice_is_shown_twice(shown, random_examples):
    (example,) = random_examples([6])
    one, other = shown([example, example])
    assert packed([one]) == packed([other])


def test_special_tokens_are_marked_and_tokens_named(shown, random_examples, tokenizer):
    (example,) = random_examples([8])
    (view,) = shown([example])
    assert view.special == [0, 3, 7]
    assert view.tokens == tokenizer.convert_ids_to_tokens(example.input_ids)


def test_byte_level_tokens_are_readable(byte_tokenizer, tiny_model, random_examples):
    def names(text):
        ids = byte_tokenizer(text)["input_ids"]
        example = replace(random_examples([2])[0], input_ids=ids)
        return named(view, byte_tokenizer, example).tokens

    (view,) = views_of(tiny_model(labels=2), random_examples([2], labels=2))
    assert names("film film") == ["<s>", "film", " film", "</s>"]
    # Without a space: the vocabulary says that these are bytes, not the text.
    assert names("film\n") == ["<s>", "film", "Ċ", "</s>"]
    assert not any("Ã" in token or "©" in token for token in names("é"))


def test_one_path_through_all_layers_has_one_sum(tiny_model, random_examples):
    model, examples = tiny_model(labels=2), random_examples([6], labels=2)
    (view,) = views_of(model, examples, path="joint")
    for one in view.explanations:
        assert len(one.steps) == len(one.completeness_gap) == len(one.absolute) == 1
        assert one.absolute == pytest.approx([float(one.attribution.abs().sum())])
