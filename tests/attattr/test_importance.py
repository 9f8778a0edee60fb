import pytest
import torch
from torch.nn.functional import cross_entropy

from attattr import AttributionError
from attattr.families import FAMILIES
from attattr.importance import normalise, output_norm, pooled_attention, taylor_importance


@pytest.fixture
def taylor_by_hand(padded, with_attention):
    """Terms A * dF/dA of one example alone, by the gradient at every edge: `(layer, head, query, key)`."""

    def terms(model, example, f):
        logits, probs = with_attention(model, padded(model, [example]))
        gradients = torch.autograd.grad(f(logits), probs)
        return torch.cat([(p * g).detach() for p, g in zip(probs, gradients, strict=True)])

    return terms


@pytest.mark.parametrize("family", FAMILIES)
def test_taylor_readings_equal_those_of_the_gradient_at_every_edge(
    tiny_model, random_examples, padded, taylor_by_hand, family
):
    model, examples = tiny_model(family).double(), random_examples([9, 4, 1, 12])
    labels = torch.tensor([example.label for example in examples])
    result = taylor_importance(model, **padded(model, examples), labels=labels)
    for row, example in enumerate(examples):
        of_loss = taylor_by_hand(
            model, example, lambda logits, label=labels[row : row + 1]: cross_entropy(logits, label)
        )
        of_logits = taylor_by_hand(model, example, lambda logits: logits.sum())
        expected = {
            "taylor": of_loss.sum(dim=(2, 3)).abs(),
            "taylor_michel": of_loss.sum(dim=3).abs().sum(dim=2),
            "taylor_authors": of_logits.sum(dim=3).abs().sum(dim=2),
        }
        for name, value in expected.items():
            assert torch.allclose(getattr(result, name)[row], value, rtol=1e-9, atol=1e-12), name


def test_the_readings_differ_and_the_authors_ignore_the_labels(tiny_model, random_examples, padded):
    model, inputs = tiny_model(), {}
    inputs = padded(model, random_examples([9, 6]))
    zero, one = (taylor_importance(model, **inputs, labels=torch.full((2,), label)) for label in (0, 1))
    assert torch.equal(zero.taylor_authors, one.taylor_authors)
    assert not torch.allclose(zero.taylor, one.taylor, rtol=1e-2)
    assert not torch.allclose(zero.taylor_michel, one.taylor_michel, rtol=1e-2)
    assert bool((zero.taylor_michel >= zero.taylor - 1e-7).all())
    assert not torch.allclose(zero.taylor_michel[:, 0], zero.taylor[:, 0], rtol=1e-2)


def test_taylor_leaves_the_model_as_it_was_and_works_without_grad_and_in_training_mode(
    tiny_model, random_examples, padded
):
    model = tiny_model(dropout=0.5)
    inputs = padded(model, random_examples([9, 6]))
    labels = torch.tensor([0, 2])
    expected = taylor_importance(model, **inputs, labels=labels)
    model.train()
    model.classifier.eval()
    model.classifier.bias.requires_grad_(False)
    with torch.no_grad():
        result = taylor_importance(model, **inputs, labels=labels)
    assert torch.equal(result.taylor, expected.taylor)
    with torch.inference_mode():
        inside = taylor_importance(model, **{k: v.clone() for k, v in inputs.items()}, labels=labels.clone())
    assert torch.equal(inside.taylor, expected.taylor)
    assert [model.training, model.classifier.training, model.bert.training] == [True, False, True]
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["classifier.bias"]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.config._attn_implementation == "sdpa"


def test_pooled_attention_by_hand():
    probs = torch.zeros(2, 1, 2, 3, 3)
    probs[0, 0, 0] = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    probs[0, 0, 1] = torch.full((3, 3), 1 / 3)
    probs[1, 0, 0, :2, :2] = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    probs[1, 0, 1, :2, :2] = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    lengths = torch.tensor([3, 2])
    largest = pooled_attention(probs, lengths, pooling="max")
    assert torch.allclose(largest, torch.tensor([[[0.8, 1 / 3]], [[0.9, 1.0]]]))
    confidence = pooled_attention(probs, lengths, pooling="confidence")
    assert torch.allclose(confidence, torch.tensor([[[(0.5 + 0.8 + 0.6) / 3, 1 / 3]], [[0.8, 0.75]]]))


def test_normalise_by_hand():
    importance = torch.tensor([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]])
    assert torch.equal(normalise(importance, how="none"), importance)
    assert torch.allclose(normalise(importance, how="layer_l2"), torch.tensor([[0.6, 0.8], [0.0, 0.0], [-1.0, 0.0]]))


def test_unknown_names_are_refused():
    with pytest.raises(AttributionError, match="pooling is 'mean': it must be max or confidence"):
        pooled_attention(torch.ones(1, 1, 1, 2, 2), torch.tensor([2]), pooling="mean")
    with pytest.raises(AttributionError, match="normalise is 'l1': it must be none or layer_l2"):
        normalise(torch.ones(1, 2), how="l1")


# Output norms.


def test_output_norms_are_the_lengths_of_what_each_head_adds(tiny_model, random_examples, padded, without_heads):
    """What the output projection gives when only that head is left in its layer."""
    model, examples = tiny_model(), random_examples([9, 4, 1, 12])
    found = output_norm(model, **padded(model, examples))
    assert found.shape == (4, 2, 4)
    for layer in range(2):
        for head in range(4):
            keep = torch.ones(2, 4)
            keep[layer] = torch.eye(4)[head]
            changed, added = without_heads(model, keep), []
            projection = changed.bert.encoder.layer[layer].attention.output.dense
            projection.register_forward_hook(lambda module, _, output, seen=added: seen.append(output - module.bias))
            for row, example in enumerate(examples):
                with torch.no_grad():
                    changed(**padded(model, [example]))
                assert float(found[row, layer, head]) == pytest.approx(float(added[-1].norm(dim=-1).mean()), rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_output_norms_do_not_depend_on_padding(tiny_model, random_examples, padded, family):
    model, examples = tiny_model(family), random_examples([9, 4, 12])
    together = output_norm(model, **padded(model, examples, width=20))
    alone = torch.cat([output_norm(model, **padded(model, [example])) for example in examples])
    assert torch.allclose(together, alone, rtol=1e-4)
    assert bool((together > 0).all())
