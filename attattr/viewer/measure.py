"""What is to be seen of examples, from a model: scores of each class, trees at every threshold, what these carry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from attattr.attention import class_count
from attattr.attribution import attribute, gradient_x_attention
from attattr.batching import group_by_length, resolve_token_budget
from attattr.examples import batch_of, model_inputs
from attattr.importance import passed_on, pooled_attention
from attattr.quadrature import schedule
from attattr.tree import attribution_tree
from attattr.viewer.kinds import kind_of, probabilities
from attattr.viewer.kinds import predicted as predicted_of
from attattr.viewer.shares import with_shares
from attattr.viewer.view import THRESHOLDS, Explanation, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attattr.attribution import Attribution
    from attattr.batching import TokenBudget
    from attattr.examples import Batch, Example
    from attattr.output import Output
    from attattr.tree import AttributionTree

NO_LABEL = -1
MOST_CLASSES = 4  # of which all are explained; of more the gold one, and of those that are predicted so many


class Seen(NamedTuple):
    """What an explanation is made of, of one example and class; `sign` turns both maps to the other of two classes."""

    result: Attribution
    gradient: Attribution | None
    number: int
    n: int
    target: int
    sign: float


def explained(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    target: int | Literal["predicted"],
    whole: bool,
    options: Mapping[str, Any],
    token_budget: TokenBudget = "auto",
) -> Iterator[tuple[int, View]]:
    """The examples' places and views, without tokens, trees and shares, in an order that keeps padding small.

    `target` is explained first. `whole` adds what only the page shows: gradient times attention, and the other classes,
    of more than four only the gold one and what is predicted, of labels the four likeliest. `options` are arguments of
    `attribute`, which raises AttributionError.
    """
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples), default=1))
    counts = {name: options[name] for name in ("rule", "steps", "max_steps") if name in options}
    copies = schedule(**{"rule": "clenshaw_curtis", "steps": "auto", "max_steps": 128, **counts}).counts[0]
    for places in group_by_length([len(example) for example in examples], copies=copies, token_budget=budget):
        group = [examples[place] for place in places]
        seen = _seen(model, group, target=target, whole=whole, options=options)
        output = options.get("output", "probability")
        views = [_view(model, example, one, output=output) for example, one in zip(group, seen, strict=True)]
        yield from zip(places, views, strict=True)


def _seen(
    model: PreTrainedModel,
    group: Sequence[Example],
    *,
    target: int | Literal["predicted"],
    whole: bool,
    options: Mapping[str, Any],
) -> list[list[Seen]]:
    """For each example what there is of each class, the target's first."""
    batch = batch_of(model, group)
    output = options.get("output", "probability")
    classes = class_count(model)

    def asked(batch: Batch, which: Tensor | int | Literal["predicted"]) -> tuple[Attribution, Attribution | None]:
        inputs: dict[str, Any] = {**model_inputs(model, batch).arguments(), "target": which}
        gradient = gradient_x_attention(model, **inputs, output=output) if whole else None
        return attribute(model, **inputs, **options), gradient

    first = asked(batch, target)
    found = [
        [Seen(*first, number, len(example), int(first[0].target[number]), 1.0)] for number, example in enumerate(group)
    ]
    if not whole:
        return found
    if classes == 2 and output == "probability":
        # Of two class probabilities one is minus the other's change.
        return [[own[0], own[0]._replace(target=1 - own[0].target, sign=-1.0)] for own in found]
    said = [_said(model, logits)[1][:MOST_CLASSES] for logits in first[0].logits]
    shown = [
        range(classes) if classes <= MOST_CLASSES else sorted({example.label, *predicted} - {NO_LABEL})
        for example, predicted in zip(group, said, strict=True)
    ]
    further = [[label for label in labels if label != own[0].target] for labels, own in zip(shown, found, strict=True)]
    for turn in range(max(map(len, further))):
        rows = [number for number, labels in enumerate(further) if len(labels) > turn]
        targets = torch.tensor([further[number][turn] for number in rows], device=model.device)
        result = asked(batch.select(torch.tensor(rows, device=model.device)), targets)
        for place, number in enumerate(rows):
            found[number].append(Seen(*result, place, len(group[number]), further[number][turn], 1.0))
    return found


def _said(model: PreTrainedModel, logits: Tensor) -> tuple[list[float], tuple[int, ...]]:
    """What the model says by the logits of one example: probabilities, and what it predicts."""
    kind = kind_of(model)
    found = probabilities(logits.double().cpu(), kind)
    return found, predicted_of(found, kind)


def _view(model: PreTrainedModel, example: Example, seen: Sequence[Seen], *, output: Output) -> View:
    result, number, n = seen[0].result, seen[0].number, len(example)
    kind = kind_of(model)
    found, predicted = _said(model, result.logits[number])
    values = result.logits[number].tolist()
    names: dict[Any, str] = model.config.id2label or {}
    return View(
        name=example.example_id,
        task="",
        tokens=(),
        special=[place for place, special in enumerate(example.special) if special],
        classes=[str(names.get(label, f"class {label}")) for label in range(len(values))],
        probabilities=found,
        gold=example.label if example.label >= 0 else None,
        predicted=predicted,
        kind=kind,
        values=values if kind == "values" else (),
        attention=result.attention_probs[number, :, :, :n, :n].float().cpu(),
        explanations=tuple(_explanation(one, output=output) for one in seen),
    )


def _explanation(seen: Seen, *, output: Output) -> Explanation:
    result, number, n, sign = seen.result, seen.number, seen.n, seen.sign
    scores = sign * result.attribution[number, :, :, :n, :n].float().cpu()
    probs = result.attention_probs[number, :, :, :n, :n].float().cpu()
    absolute = scores.abs().sum(dim=(1, 2, 3))
    heads = {
        "attribution, summed": scores.sum(dim=(2, 3)),
        "attribution, largest edge": scores.amax(dim=(2, 3)),
        "attention, largest": pooled_attention(probs[None], torch.tensor([n]), pooling="max")[0],
        "attention, confidence": pooled_attention(probs[None], torch.tensor([n]), pooling="confidence")[0],
    }
    gradient = None
    if seen.gradient is not None:
        gradient = sign * seen.gradient.attribution[number, :, :, :n, :n].float().cpu()
        heads["gradient × attention, summed"] = gradient.sum(dim=(2, 3))
    value, change = float(result.output[number]), result.output[number] - result.baseline_output[number]
    return Explanation(
        target=seen.target,
        output=output,
        value=value if sign > 0 else 1 - value,
        attribution=scores,
        passed_on=passed_on(scores).sum(dim=(0, 1)),
        heads=heads,
        gradient_sum=None if gradient is None else gradient.sum(dim=1).double(),
        steps=result.steps[number].tolist(),
        estimated_error=result.last_change[number].tolist(),
        unconverged=result.unconverged[number].tolist(),
        completeness_gap=(sign * result.completeness_gap[number]).tolist(),
        output_change=(sign * change).tolist(),
        absolute=(absolute if result.path == "layer" else absolute.sum(dim=0, keepdim=True)).tolist(),
    )


def whole_views(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    *,
    target: int | Literal["predicted"],
    options: Mapping[str, Any],
    seed: int,
    grow: Callable[..., AttributionTree] = attribution_tree,
    shares: bool = True,
    token_budget: TokenBudget = "auto",
) -> list[View]:
    """The views of a page, in the order of the examples; without `shares` it is not measured what trees carry.

    `target` and `options` are those of `explained`, `grow` that of `with_trees`.
    """
    found: dict[int, View] = {}
    how: dict[str, Any] = {"target": target, "whole": True, "options": options, "token_budget": token_budget}
    for place, view in explained(model, examples, **how):
        grown = with_trees(named(view, tokenizer, examples[place]), grow)
        found[place] = with_shares(grown, model, examples[place], seed=seed) if shares else grown
    return [found[place] for place in range(len(examples))]


def named(view: View, tokenizer: PreTrainedTokenizerBase, example: Example) -> View:
    """The view with its tokens as a reader knows them: byte-level ones decoded, their leading space as a plain one."""
    ids, unknown = example.input_ids, tokenizer.unk_token_id
    tokens = [str(token) for token in tokenizer.convert_ids_to_tokens(ids)]
    # By the vocabulary, as a text need not have a space: bytes of one word are as unreadable.
    if any(tokenizer.convert_tokens_to_ids(space) not in (None, unknown) for space in ("Ġ", "▁")):
        decoded = [str(tokenizer.decode([one], clean_up_tokenization_spaces=False)) for one in ids]
        tokens = [text if text.strip() else token for text, token in zip(decoded, tokens, strict=True)]
    return replace(view, tokens=tokens, unknown=tuple(place for place in example.own if ids[place] == unknown))


def with_trees(view: View, grow: Callable[..., AttributionTree] = attribution_tree) -> View:
    """The view with the tree of every class at every one of `THRESHOLDS`, as `grow(head_sum, tau=tau)` makes it."""
    grown = []
    for one in view.explanations:
        scores = one.head_sum
        grown.append(replace(one, trees=tuple(grow(scores, tau=tau) for tau in THRESHOLDS)))
    return replace(view, explanations=tuple(grown))
