"""Masked forwards per second: 0.1.0's way, the tree of passes, and the bare products of that tree, in turn.

Run: python -m benchmarks.masks    (1 thread: OMP_NUM_THREADS=1; torch and transformers only, and no data)

Models are random BERTs of MiniLM's shape. Lengths are drawn around those of SST-2 (25 tokens) and RTE (70), as many as
the task's dev split has, or the importance sample for leave-one-out; of them, those next to the median are run, so that
as many share a length as in the task. 0.1.0 ran the whole model once for every different pair
of mask and example, and multiplied every head by its mask. The bare products are those of the tree's passes, shape by
shape, with nothing between them: the limit. The model's own pass, which the tree begins
from and which is the full mask's answer, is not among them.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

from attattr.attention import masked_heads
from attattr.batching import TOKEN_BUDGET, resolve_token_budget
from attattr.branching import masked_passes
from attattr.copies import frozen
from attattr.examples import Example
from attattr.pruning import global_masks, masked_counts, per_layer_masks
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.shapes import VOCABULARY, bert
from benchmarks.timing import Contestant, Spread, measure, ratio
from pipeline.predicting import masked
from pipeline.predicting.predict import batches, forward

HIDDEN, HEADS = 384, 12
MEDIAN, DEVIATION = {"sst2": 23, "rte": 65}, 0.4  # of the lengths, and of their logarithms
DRAWN = {"sst2": 872, "rte": 277}
SAMPLE = 200
TARGETS = {"pruning": 1.4, "leave-one-out": 1.6, "effectiveness": None}
LIMIT = 0.75
OLD, NEW, BARE = "0.1.0", "tree", "bare products"
PRODUCTS = (functional.linear, functional.scaled_dot_product_attention, torch.einsum, torch.Tensor.matmul)


def main() -> None:
    """Measure every model, length and kind of masks, print the table, write the results."""
    description = parser(__doc__)
    description.add_argument("--layers", nargs="+", type=int, default=[6])
    description.add_argument("--lengths", nargs="+", choices=MEDIAN, default=list(MEDIAN))
    description.add_argument("--kinds", nargs="+", choices=TARGETS, default=list(TARGETS))
    description.add_argument("--size", type=int, default=8000, help="tokens times masks of a run, at least")
    arguments = parse(description, {"layers": [6], "lengths": ["sst2"], "size": 1000, "repetitions": 2})
    rows = [
        measured(layers, lengths, kind, arguments)
        for layers in arguments.layers
        for lengths in arguments.lengths
        for kind in arguments.kinds
    ]
    publish("masks", {"rows": rows}, {"Masked forwards; median (smallest..largest)": table(rows)}, arguments)


def measured(layers: int, lengths: str, kind: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Rates and ratios of one model, one distribution of lengths and one kind of masks. Fails where logits differ."""
    progress(f"{layers} layers, {lengths}, {kind}")
    model = bert(hidden=HIDDEN, layers=layers, heads=HEADS, seed=arguments.seed, device=arguments.device)
    generator = torch.Generator().manual_seed(arguments.seed)
    count = {"pruning": 11, "leave-one-out": layers * HEADS + 1, "effectiveness": 2 * (HEADS + 1)}[kind]
    drawn = SAMPLE if kind == "leave-one-out" else DRAWN[lengths]
    # Pruning's examples are many and fill their batches.
    tokens = max(arguments.size // count, TOKEN_BUDGET["cpu"] if kind == "pruning" else 0)
    examples = drawn_examples(MEDIAN[lengths], drawn, tokens=tokens, generator=generator)
    masks = drawn_masks(kind, layers, len(examples), generator)
    with products() as bare:
        found = masked.masked_logits(model, examples, masks)
    expected = whole_model(model, examples, masks)
    difference = float((found - expected).abs().max())
    if difference > 1e-5 or not torch.equal(found.argmax(dim=-1), expected.argmax(dim=-1)):
        raise SystemExit(f"the logits differ by {difference}")
    forwards = len(masks) * len(examples)
    contestants = {
        OLD: Contestant(lambda: whole_model(model, examples, masks), forwards),
        NEW: Contestant(lambda: masked.masked_logits(model, examples, masks), forwards),
        BARE: Contestant(replay(bare, arguments.device), forwards),
    }
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    faster, fraction = ratio(seconds, OLD, NEW), ratio(seconds, BARE, NEW)
    target = TARGETS[kind]
    return {
        "layers": layers,
        "lengths": lengths,
        "tokens": sum(map(len, examples)) / len(examples),
        "masks": kind,
        "examples": len(examples),
        **{f"{name}, per second": str(Spread.of([1 / taken for taken in seconds[name]])) for name in (OLD, NEW)},
        "times faster": str(faster),
        "target": target,
        "fraction of the limit": str(fraction),
        "met": (target is None or faster.median >= target) and fraction.median >= LIMIT,
        "largest difference": difference,
    }


def drawn_examples(median: int, drawn: int, *, tokens: int, generator: torch.Generator) -> list[Example]:
    """Of `drawn` examples those whose lengths are next to the median, as many as have `tokens` together."""
    noise = torch.randn(drawn, generator=generator)
    lengths = (median * (DEVIATION * noise).exp()).long().clamp(4, 128).tolist()
    middle = sorted(lengths)[drawn // 2]
    chosen: list[int] = []
    for n in sorted(lengths, key=lambda n: (abs(n - middle), n)):
        if sum(chosen) < tokens:
            chosen.append(n)
    ids = [torch.randint(VOCABULARY, (n,), generator=generator).tolist() for n in chosen]
    return [Example(f"{k}", row, [0] * len(row), 0, [[1, len(row) - 1]]) for k, row in enumerate(ids)]


def drawn_masks(kind: str, layers: int, examples: int, generator: torch.Generator) -> Tensor:
    """The masks of one random ranking, or of every example's own; of leave-one-out the full mask too."""
    if kind == "pruning":
        counts = masked_counts([tenth / 10 for tenth in range(11)], heads=layers * HEADS, rounding="half_up")
        return global_masks(torch.rand(layers, HEADS, generator=generator), counts)
    if kind == "effectiveness":
        importance = torch.rand(examples, layers, HEADS, generator=generator)
        both = (
            per_layer_masks(importance, direction="lowest_first"),
            per_layer_masks(-importance, direction="lowest_first"),
        )
        return torch.cat(both)
    without = (1 - torch.eye(layers * HEADS)).view(-1, layers, HEADS)
    return torch.cat([torch.ones(1, layers, HEADS), without])


@torch.no_grad()
def whole_model(model: PreTrainedModel, examples: list[Example], masks: Tensor) -> Tensor:
    """0.1.0's `masked_logits`: the whole model, once for every different pair of mask and example."""
    budget = resolve_token_budget("auto", model, n=max(map(len, examples)))
    place = {example.example_id: number for number, example in enumerate(examples)}
    result = torch.full((len(masks), len(examples), 2), torch.nan)
    model = frozen(model)
    for group, batch in batches(model, examples, token_budget=budget):
        columns = torch.tensor([place[example_id] for example_id in batch.example_ids])
        own = masks[:, None].expand(-1, len(group), -1, -1) if masks.ndim == 3 else masks[:, columns]
        pairs = torch.arange(len(group)).repeat(len(masks))[:, None].float()
        rows, back = torch.cat([pairs, own.flatten(0, 1).flatten(1)], dim=1).unique(dim=0, return_inverse=True)
        logits = []
        for part in rows.split(max(1, budget // batch.input_ids.shape[1])):
            own_masks = part[:, 1:].unflatten(1, masks.shape[-2:]).to(model.device)
            logits.append(forward(masked_heads(model, own_masks), batch.select(part[:, 0].long())).float().cpu())
        result[:, columns] = torch.cat(logits)[back].unflatten(0, (len(masks), len(group)))
    return result


class _Recorder(TorchFunctionMode):
    """Notes every matrix product and attention, by function and shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., Any], list[Any]]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS:
            shapes = [tuple(argument.shape) if isinstance(argument, Tensor) else argument for argument in args]
            self.calls.append((func, shapes))
        return func(*args, **(kwargs or {}))


@contextmanager
def products() -> Iterator[list[tuple[Callable[..., Any], list[Any]]]]:
    """The products of the tree's passes while the context lasts, in a list that grows."""
    recorder = _Recorder()

    def recorded(*args: Any, **kwargs: Any) -> Tensor:
        with recorder:
            return masked_passes(*args, **kwargs)

    with patch.object(masked, "masked_passes", recorded):
        yield recorder.calls


def replay(calls: list[tuple[Callable[..., Any], list[Any]]], device: str) -> Callable[[], None]:
    """Runs the products again, on one random tensor for every shape."""
    shapes = {argument for _, arguments in calls for argument in arguments if isinstance(argument, tuple)}
    tensors = {shape: torch.randn(shape, device=device) for shape in shapes}
    ready = [(function, [tensors.get(a, a) if isinstance(a, tuple) else a for a in given]) for function, given in calls]

    @torch.no_grad()
    def run() -> None:
        for function, arguments in ready:
            function(*arguments)

    return run


if __name__ == "__main__":
    main()
