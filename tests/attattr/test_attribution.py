"""The engine against the paper's formula written out: one plain forward pass per example, layer and step."""

import copy
import dataclasses
import pickle

import pytest
import torch
import transformers

from attattr import AttributionError, attribute, gradient_x_attention
from attattr.encoder import Encoder
from attattr.families import FAMILIES

THIRDS = ([1 / 3, 2 / 3, 1], [1 / 3, 1 / 3, 1 / 3])  # the right rule with three steps
OUTPUTS = {
    "probability": lambda logits: logits.softmax(-1),
    "logit": lambda logits: logits,
    "log_probability": lambda logits: logits.log_softmax(-1),
    "margin": lambda logits: (logits.softmax(-1) / (1 - logits.softmax(-1))).log(),
}


def brute_force(with_attention, model, inputs, target, *, path="layer", output="probability", grid=THIRDS):
    """Attribution `(layer, head, query, key)` and F at zero attention (per layer, or once) of one unpadded example."""

    def f(given):
        return OUTPUTS[output](with_attention(model, inputs, given)[0])[0, target]

    probs = [p.detach() for p in with_attention(model, inputs)[1]]
    layers = range(len(probs))
    blocks = [[layer] for layer in layers] if path == "layer" else [list(layers)]
    maps, baselines = [torch.zeros_like(p) for p in probs], []
    for block in blocks:
        for alpha, weight in zip(*grid, strict=True):
            scaled = [(alpha * probs[layer]).requires_grad_() for layer in block]
            gradients = torch.autograd.grad(f(dict(zip(block, scaled, strict=True))), scaled, allow_unused=True)
            for layer, gradient in zip(block, gradients, strict=True):
                maps[layer] += weight * probs[layer] * gradient
        baselines.append(f({layer: torch.zeros_like(probs[layer]) for layer in block}).detach())
    return torch.cat(maps), torch.stack(baselines)


def assert_close(actual, expected, relative=1e-5, *, scale=None):
    """Equal up to a share of the largest expected value, or of `scale`."""
    assert actual.shape == expected.shape
    assert float((actual - expected).abs().max()) <= relative * float(
        (expected if scale is None else scale).abs().max()
    )


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_the_formula_written_out(tiny_model, random_examples, padded, with_attention, family, path, output):
    model, examples = tiny_model(family), random_examples([11, 5, 12])
    target = torch.tensor([2, 0, 1])
    result = attribute(model, **padded(model, examples), target=target, steps=3, rule="right", path=path, output=output)
    exact = copy.deepcopy(model).double()
    for row, example in enumerate(examples):
        n, alone = len(example), padded(model, [example])
        expected, baselines = brute_force(with_attention, exact, alone, int(target[row]), path=path, output=output)
        logits, probs = with_attention(exact, alone)
        assert_close(result.attribution[row, :, :, :n, :n], expected)
        assert_close(result.attention_probs[row, :, :, :n, :n], torch.cat(probs).detach())
        assert_close(result.logits[row], logits[0].detach())
        every_class = OUTPUTS[output](logits)[0].detach()
        f = every_class[target[row]]
        assert_close(result.output[row], f, scale=every_class)
        assert_close(result.baseline_output[row], baselines, scale=every_class)
        gap = expected.sum(dim=(1, 2, 3)) if path == "layer" else expected.sum()[None]
        assert torch.allclose(result.completeness_gap[row].double(), gap - (f - baselines), atol=1e-5)


@pytest.mark.parametrize(
    ("rule", "steps", "grid"),
    [
        ("left", 4, ([0, 1 / 4, 1 / 2, 3 / 4], [1 / 4] * 4)),
        ("midpoint", 2, ([1 / 4, 3 / 4], [1 / 2] * 2)),
        ("trapezoid", 2, ([0, 1 / 2, 1], [1 / 4, 1 / 2, 1 / 4])),
        ("gauss_legendre", 2, ([0.5 - 3**-0.5 / 2, 0.5 + 3**-0.5 / 2], [1 / 2, 1 / 2])),
    ],
)
def test_every_rule_on_three_layers(tiny_model, random_examples, padded, with_attention, rule, steps, grid):
    model, examples = tiny_model(layers=3, seed=4), random_examples([7], seed=4)
    inputs = padded(model, examples)
    result = attribute(model, **inputs, target=torch.tensor([1]), steps=steps, rule=rule)
    assert_close(result.attribution[0], brute_force(with_attention, model.double(), inputs, 1, grid=grid)[0])


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_sum_to_the_change_of_the_output(
    tiny_model, random_examples, padded, with_attention, family, path, output
):
    model = tiny_model(family).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Gentle weights: the integrand of a strongly curved path would need more nodes than 64.
            if parameter.ndim == 2 and "embeddings" not in name:
                parameter.mul_(0.5)
            # DistilBERT's readout has a ReLU, at whose kinks no rule converges so fast: all of it is kept on.
            if name == "pre_classifier.bias":
                parameter.fill_(20)
    examples = random_examples([6, 18])
    result = attribute(
        model, **padded(model, examples), target="predicted", steps=64, rule="gauss_legendre", path=path, output=output
    )
    assert result.attribution.dtype == torch.float64
    for row, example in enumerate(examples):
        alone = padded(model, [example])
        logits, probs = with_attention(model, alone)
        target = int(logits.argmax())
        blocks = [[layer] for layer in range(len(probs))] if path == "layer" else [list(range(len(probs)))]
        sums = result.attribution[row].sum(dim=(1, 2, 3))
        for number, block in enumerate(blocks):
            zero = {layer: torch.zeros_like(probs[layer]) for layer in block}
            without = with_attention(model, alone, zero)[0]
            change = (OUTPUTS[output](logits) - OUTPUTS[output](without))[0, target].detach()
            assert abs(float(sums[block].sum() - change)) < 1e-8
            assert abs(float(result.completeness_gap[row, number])) < 1e-8
    assert result.completeness_gap.shape == (2, len(blocks))


def test_of_two_class_probabilities_one_attribution_is_minus_the_other(tiny_model, random_examples, padded):
    model, examples = tiny_model(labels=2), random_examples([6, 9, 4])
    inputs = padded(model, examples)
    zero, one = (attribute(model, **inputs, target=torch.full((3,), label), steps=3).attribution for label in (0, 1))
    assert float(zero.abs().max()) > 1e-4
    assert_close(zero, -one)


def test_nothing_is_attributed_or_attended_at_padding(tiny_model, random_examples, padded):
    model, lengths = tiny_model(layers=3), [3, 11, 10, 1]  # 11 and 10 are run together
    examples = random_examples(lengths)
    result = attribute(model, **padded(model, examples, width=15), target="predicted", steps=2)
    real = torch.arange(15) < torch.tensor(lengths)[:, None]
    edges = (real[:, :, None] & real[:, None, :])[:, None, None]
    assert result.attribution.shape == result.attention_probs.shape == (4, 3, 4, 15, 15)
    for maps in (result.attribution, result.attention_probs):
        assert not maps.masked_select(~edges.expand_as(maps)).any()
    # What is real is there: rows of attention sum to one.
    rows = result.attention_probs.sum(dim=-1)
    assert torch.allclose(rows, real[:, None, None].to(rows).expand_as(rows), atol=1e-5)


def test_only_the_first_query_of_the_last_layer_has_scores(tiny_model, random_examples, padded):
    model = tiny_model()
    last = attribute(model, **padded(model, random_examples([8])), target="predicted", steps=2).attribution[0, -1]
    assert not last[:, 1:].any()
    assert last[:, 0].all()


LENGTHS = [4, 17, 9, 1, 9, 12, 16]


@pytest.fixture(scope="module", params=["layer", "joint"])
def reference(request, tiny_model, random_examples, padded):
    """A float64 model, a batch of uneven lengths, the path, and every example's attribution when it is alone."""
    model, examples = tiny_model(seed=1).double(), random_examples(LENGTHS, seed=1)
    chosen = {"steps": 3, "path": request.param}
    alone = [attribute(model, **padded(model, [e]), target=torch.tensor([e.label]), **chosen) for e in examples]
    return model, examples, chosen, alone


def assert_rows_are(result, alone):
    for row, expected in enumerate(alone):
        n = expected.attribution.shape[-1]
        assert_close(result.attribution[row, :, :, :n, :n], expected.attribution[0], 1e-10)
        assert_close(result.attention_probs[row, :, :, :n, :n], expected.attention_probs[0], 1e-10)
        assert_close(result.output[row], expected.output[0], 1e-10)
        assert_close(result.baseline_output[row], expected.baseline_output[0], 1e-10)
        assert_close(result.logits[row], expected.logits[0], 1e-10)


@pytest.mark.parametrize("token_budget", ["auto", 1, 40, 100, 100_000])
def test_batch_padding_and_token_budget_change_nothing(reference, padded, token_budget):
    model, examples, chosen, alone = reference
    labels = torch.tensor([e.label for e in examples])
    for width in (17, 30):
        inputs = padded(model, examples, width=width)
        assert_rows_are(attribute(model, **inputs, target=labels, **chosen, token_budget=token_budget), alone)


def test_permuting_the_batch_permutes_the_result(reference, padded):
    model, examples, chosen, alone = reference
    order = [3, 0, 6, 2, 5, 4, 1]
    shuffled = [examples[i] for i in order]
    labels = torch.tensor([e.label for e in shuffled])
    result = attribute(model, **padded(model, shuffled), target=labels, **chosen)
    assert_rows_are(result, [alone[i] for i in order])
    assert result.target.tolist() == labels.tolist()


def test_what_stands_at_padding_does_not_matter(reference, padded):
    model, examples, chosen, alone = reference
    inputs = padded(model, examples)
    inputs["input_ids"] = torch.where(inputs["attention_mask"].bool(), inputs["input_ids"], 7)
    labels = torch.tensor([e.label for e in examples])
    assert_rows_are(attribute(model, **inputs, target=labels, **chosen), alone)


def test_the_predicted_class_is_the_largest_logit(tiny_model, random_examples, padded):
    model, examples = tiny_model(), random_examples([5, 6, 7, 8, 9])
    inputs = padded(model, examples)
    with torch.no_grad():
        predicted = model(**inputs).logits.argmax(dim=1)
    assert len(set(predicted.tolist())) > 1
    result = attribute(model, **inputs, target="predicted", steps=2)
    assert result.target.tolist() == predicted.tolist()
    chosen = attribute(model, **inputs, target=predicted, steps=2)
    assert torch.equal(result.attribution, chosen.attribution)


def test_a_single_token_attends_to_itself_alone(tiny_model, random_examples, padded, with_attention):
    model = tiny_model()
    inputs = padded(model, random_examples([1]))
    result = attribute(model, **inputs, target=torch.tensor([0]), steps=3, rule="right")
    assert result.attribution.shape == (1, 2, 4, 1, 1)
    assert torch.equal(result.attention_probs, torch.ones(1, 2, 4, 1, 1))
    assert_close(result.attribution[0], brute_force(with_attention, model.double(), inputs, 0)[0])


def test_works_without_segments(tiny_model, random_examples, padded):
    model = tiny_model()
    inputs = padded(model, random_examples([6, 8]))
    types = inputs.pop("token_type_ids")
    without = attribute(model, **inputs, target="predicted", steps=2).attribution
    zeros = attribute(model, **inputs, token_type_ids=0 * types, target="predicted", steps=2).attribution
    ones = attribute(model, **inputs, token_type_ids=types, target="predicted", steps=2).attribution
    assert torch.equal(without, zeros)
    assert not torch.allclose(without, ones, atol=1e-4)


# How the model is left, and in which state it may come.


def state_of(model):
    return {
        "training": [module.training for module in model.modules()],
        "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
        "grad": [parameter.grad is None for parameter in model.parameters()],
        "weights": [parameter.detach().clone() for parameter in model.parameters()],
        "attention": model.config._attn_implementation,
        "hooks": [
            len(hooks)
            for module in model.modules()
            for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        ],
        "output_hidden_states": model.config.output_hidden_states,
    }


def assert_same_state(before, after):
    weights = zip(before.pop("weights"), after.pop("weights"), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    assert before == after


@pytest.fixture(params=["sdpa", "eager"])
def mixed_model(request, tiny_model):
    """A model in a state that no default has: some modules train, some parameters are frozen."""
    model = tiny_model(attention=request.param)
    model.train()
    model.bert.encoder.layer[0].eval()
    for parameter in model.bert.embeddings.parameters():
        parameter.requires_grad_(False)
    return model


@pytest.mark.parametrize("path", ["layer", "joint"])
def test_the_model_is_left_as_it_was(mixed_model, random_examples, padded, path):
    before = state_of(mixed_model)
    inputs = padded(mixed_model, random_examples([5, 9]))
    result = attribute(mixed_model, **inputs, target="predicted", steps=2, path=path)
    assert_same_state(before, state_of(mixed_model))
    before = state_of(mixed_model)
    assert result.completeness_gap.isfinite().all()
    assert_same_state(before, state_of(mixed_model))
    assert not any(inputs[name].requires_grad for name in inputs)


def test_the_model_can_still_be_pickled(tiny_model, random_examples, padded):
    # Lightning's ddp_spawn sends the model to other processes that way.
    model = tiny_model()
    attribute(model, **padded(model, random_examples([5])), target="predicted", steps=2)
    again = pickle.loads(pickle.dumps(model))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("place", ["bert.embeddings", "bert.encoder.layer.1", "classifier"])
def test_the_model_is_left_as_it_was_after_an_exception(mixed_model, random_examples, padded, monkeypatch, place):
    inputs = padded(mixed_model, random_examples([5, 9]))
    before = state_of(mixed_model)

    def fail(*_args, **_kwargs):
        raise RuntimeError("broken layer")

    with monkeypatch.context() as patched:
        patched.setattr(mixed_model.get_submodule(place), "forward", fail)
        with pytest.raises(RuntimeError, match="broken layer"):
            attribute(mixed_model, **inputs, target="predicted", steps=2)
    assert_same_state(before, state_of(mixed_model))
    # Nothing is left behind that a later call would trip over.
    assert attribute(mixed_model, **inputs, target="predicted", steps=2).attribution.any()


def test_the_model_is_left_as_it_was_after_a_refusal(mixed_model, random_examples, padded):
    before = state_of(mixed_model)
    with pytest.raises(AttributionError, match="outside the model's 3 classes"):
        attribute(mixed_model, **padded(mixed_model, random_examples([5])), target=torch.tensor([3]), steps=2)
    assert_same_state(before, state_of(mixed_model))


def test_training_mode_and_no_grad_change_nothing(tiny_model, random_examples, padded):
    model = tiny_model(dropout=0.5)
    inputs = padded(model, random_examples([5, 9]))
    expected = attribute(model, **inputs, target="predicted", steps=2)
    model.train()
    with torch.no_grad():
        result = attribute(model, **inputs, target="predicted", steps=2)
        gap = result.completeness_gap
    assert torch.equal(result.attribution, expected.attribution)
    assert torch.equal(gap, expected.completeness_gap)
    with torch.inference_mode():
        inside = {name: tensor.clone() for name, tensor in inputs.items()}
        assert inside["input_ids"].is_inference()
        target = expected.target.clone()
        within = attribute(model, **inside, target=target, steps=2)
        assert torch.equal(within.attribution, expected.attribution)
        assert torch.equal(within.completeness_gap, expected.completeness_gap)
        joint = attribute(model, **inside, target=target, steps=2, path="joint")
        assert torch.is_inference_mode_enabled()
    assert torch.equal(joint.attribution, attribute(model, **inputs, target=target, steps=2, path="joint").attribution)
    assert not result.attribution.requires_grad


def test_an_eager_model_gives_the_same_as_a_fused_one(tiny_model, random_examples, padded):
    fused, eager = tiny_model(attention="sdpa"), tiny_model(attention="eager")
    inputs = padded(fused, random_examples([5, 9]))
    assert torch.equal(
        attribute(fused, **inputs, target="predicted", steps=2).attribution,
        attribute(eager, **inputs, target="predicted", steps=2).attribution,
    )


# What is refused.

OTHER_FAMILIES = {
    "deberta-v2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48},
    "mpnet": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 0},
}


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_another_family_is_refused_by_name_with_the_list(random_examples, padded, family):
    config = transformers.AutoConfig.for_model(family, vocab_size=60, **OTHER_FAMILIES[family])
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(AttributionError, match=f"'{family}' is not supported.*bert, roberta, electra, distilbert"):
        attribute(model, **padded(model, random_examples([5])), target="predicted", steps=2)


def test_a_model_without_classes_is_refused(tiny_model, random_examples, padded):
    model = transformers.BertModel(tiny_model().config)
    with pytest.raises(AttributionError, match="BertModel has no class to explain"):
        attribute(model, **padded(model, random_examples([5])), target="predicted", steps=2)


def pool_the_mean(model):
    """The model, its pooler made to read the mean over the tokens."""
    pooler = model.bert.pooler
    pooler.forward = lambda hidden: pooler.activation(pooler.dense(hidden.mean(dim=1)))
    return model


@pytest.mark.parametrize("lengths", [[6], [1, 6], [6, 9, 1]])
def test_a_mean_pooled_model_is_refused_whatever_the_lengths(tiny_model, random_examples, padded, lengths):
    model = pool_the_mean(tiny_model())
    with pytest.raises(AttributionError, match="pools more than the first token"):
        attribute(model, **padded(model, random_examples(lengths)), target="predicted", steps=2)


@pytest.mark.parametrize("lengths", [[6], [1, 6]])
def test_a_hooked_model_is_refused(tiny_model, random_examples, padded, lengths):
    model = tiny_model()
    # An adapter on the keys: without effect where a single token attends to itself.
    adapter = torch.nn.Linear(32, 32)
    handle = model.bert.encoder.layer[1].attention.self.key.register_forward_hook(lambda _m, _i, out: adapter(out))
    with pytest.raises(AttributionError, match="carries hooks or adapters"):
        attribute(model, **padded(model, random_examples(lengths)), target="predicted", steps=2)
    handle.remove()
    assert attribute(model, **padded(model, random_examples(lengths)), target="predicted", steps=2)


def test_a_causal_model_is_refused(tiny_model, random_examples, padded):
    config = copy.deepcopy(tiny_model().config)
    config.is_decoder = True
    model = transformers.BertForSequenceClassification(config)
    model.load_state_dict(tiny_model().state_dict())
    with pytest.raises(AttributionError):
        attribute(model, **padded(model, random_examples([6, 8])), target="predicted", steps=2)


def test_attribution_under_head_masks_is_refused_rather_than_done_without_them(tiny_model, random_examples, padded):
    from attattr import masked_heads

    model = tiny_model()
    masked = masked_heads(model, torch.zeros(2, 4))
    with pytest.raises(AttributionError, match="masked already"):
        attribute(masked, **padded(model, random_examples([6])), target="predicted", steps=2)


TWO = torch.ones(2, 5, dtype=torch.long)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 10**12}, "steps is 1000000000000: it must be a whole number of at least 1 and at most 10,000"),
        ({"tolerance": 10**400}, "tolerance is 1000.*: it must be above 0 and below 1"),
        ({"rule": "simpson"}, "rule is 'simpson'.*gauss_legendre"),
        ({"path": "all"}, "path is 'all': it must be one of layer, joint"),
        ({"output": "loss"}, "output is 'loss': it must be one of probability, logit, log_probability"),
        ({"token_budget": 0}, "token_budget is 0: it must be 'auto' or a whole number of at least 1"),
        ({"token_budget": -5}, "token_budget is -5: it must be"),
        ({"target": "gold"}, "target is 'gold': it must be 'predicted', a class id or a tensor of class ids"),
        ({"target": 10**30}, "target 1000000000000000000000000000000 is outside the model's 3 classes"),
        ({"target": torch.tensor([0, 3])}, "outside the model's 3 classes"),
        ({"target": torch.tensor([-1, 0])}, "outside the model's 3 classes"),
        ({"target": torch.tensor([0])}, "target"),
        ({"target": torch.tensor([0, 1, 2])}, "target"),
        ({"target": torch.tensor([[0, 1]])}, "target"),
        ({"target": torch.tensor([0.5, 1.5])}, "target"),
        ({"input_ids": TWO[0]}, r"input_ids has shape \(5,\): it must be \(batch, n\)"),
        ({"input_ids": TWO[:0], "attention_mask": TWO[:0], "token_type_ids": None}, "not empty"),
        ({"attention_mask": TWO[:, :4]}, r"attention_mask has shape \(2, 4\), input_ids \(2, 5\)"),
        ({"token_type_ids": TWO[:1]}, r"token_type_ids has shape \(1, 5\), input_ids \(2, 5\)"),
        ({"attention_mask": torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])}, "pad on the right"),
        ({"attention_mask": torch.tensor([[1, 0, 1, 1, 1], [1, 1, 1, 1, 1]])}, "pad on the right"),
        ({"attention_mask": torch.tensor([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])}, "pad on the right"),
    ],
)
def test_a_bad_argument_is_named(tiny_model, change, message):
    model = tiny_model()
    good = {"input_ids": 7 * TWO, "attention_mask": TWO, "token_type_ids": 0 * TWO, "target": torch.tensor([0, 1])}
    assert attribute(model, **good, steps=2)
    with pytest.raises(AttributionError, match=message):
        attribute(model, **{**good, "steps": 2, **change})


def test_logits_that_are_not_finite_are_refused_with_their_row(tiny_model, random_examples, padded):
    model, examples = tiny_model(), random_examples([5, 9, 7])
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[59] = torch.nan
    for example in examples:
        example.input_ids[:] = [token if token != 59 else 6 for token in example.input_ids]
    inputs = padded(model, examples)
    attribute(model, **inputs, target="predicted", steps=2)
    examples[1].input_ids[3] = 59
    with pytest.raises(AttributionError, match="not finite for row 1 of the batch"):
        attribute(model, **padded(model, examples), target="predicted", steps=2)


@pytest.mark.parametrize("output", ["margin", "probability"])
def test_gradient_x_attention_is_the_integrand_at_the_unchanged_model(tiny_model, random_examples, padded, output):
    model = tiny_model()
    batch = padded(model, random_examples([5, 7]))
    found = gradient_x_attention(model, **batch, target=1, output=output)
    expected = attribute(model, **batch, target=1, output=output, steps=1, rule="right")
    assert torch.equal(found.attribution, expected.attribution)
    assert torch.equal(found.output, expected.output)
    # What it would take further passes to know is not said.
    assert found.completeness_gap.isnan().all()


def test_gradient_x_attention_runs_no_layer_again(tiny_model, random_examples, padded, monkeypatch):
    passes = []
    forward = Encoder.forward_from

    def counting(self, layer, *args, **kwargs):
        passes.append(layer)
        return forward(self, layer, *args, **kwargs)

    monkeypatch.setattr(Encoder, "forward_from", counting)
    model = tiny_model(layers=3)
    gradient_x_attention(model, **padded(model, random_examples([5])), target=0)
    assert passes == [0]  # the check that the engine reads the model rightly


def test_scores_of_heads_leave_padding_out(tiny_model, random_examples, padded):
    model = tiny_model()
    batch = padded(model, random_examples([4, 7]))
    result = attribute(model, **batch, target=1)
    scores = result.attribution
    for row, n in enumerate((4, 7)):
        own = scores[row, :, :, :n, :n]
        assert torch.allclose(result.head_scores()[row], own.sum(dim=(2, 3)))
        assert torch.equal(result.head_scores("max")[row], own.amax(dim=(2, 3)))
    negative = dataclasses.replace(result, attribution=-scores.abs() - result.attention_probs.sign())
    assert (negative.head_scores("max")[0] < 0).all()
    with pytest.raises(AttributionError, match="pooling is 'mean': it must be sum or max"):
        result.head_scores("mean")
