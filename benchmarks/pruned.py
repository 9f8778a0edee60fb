"""What heads taken out of the weights save: size and time of a model against the share of heads removed.

Run: python -m benchmarks.pruned    (1 thread: OMP_NUM_THREADS=1)

Random weights and a random choice of heads: neither changes the time. The masked model is beside it, as masks save
nothing: what they remove is computed all the same.
"""

import argparse
from typing import Any

import torch
from transformers import PreTrainedModel

from attattr import masked_heads
from attattr.inputs import Inputs
from attattr.pruning import global_masks, masked_counts
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.shapes import BASE, bert, random_inputs
from benchmarks.timing import Contestant, measure, ratio
from pipeline.exporting.pruned import pruned

SHAPES: dict[str, dict[str, int]] = {
    "BERT-base": BASE,
    "6 layers of 384": {"hidden": 384, "layers": 6, "heads": 12},
}


def main() -> None:
    """Measure every shape, length and rate, print the table, write the results."""
    description = parser(__doc__)
    description.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    description.add_argument("--tokens", nargs="+", type=int, default=[32, 128])
    description.add_argument("--batch", type=int, default=8)
    description.add_argument("--rates", nargs="+", type=float, default=[0.25, 0.5, 0.75, 0.9])
    arguments = parse(description, {"shapes": ["6 layers of 384"], "tokens": [32], "repetitions": 2})
    rows: list[dict[str, Any]] = []
    for name in arguments.shapes:
        progress(name)
        model = bert(**SHAPES[name], seed=arguments.seed, device=arguments.device)
        for n in arguments.tokens:
            rows += compare(name, model, n, arguments)
    publish("pruned", {"rows": rows}, {"Size and time of pruned models": table(rows)}, arguments)


def compare(name: str, model: PreTrainedModel, n: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A row per rate, for inputs of `n` tokens."""
    shape, batch = SHAPES[name], arguments.batch
    inputs = random_inputs(batch=batch, n=n, seed=arguments.seed, device=arguments.device)
    heads = shape["layers"] * shape["heads"]
    order = torch.randperm(heads, generator=torch.Generator().manual_seed(arguments.seed))
    importance = order.float().view(shape["layers"], shape["heads"])
    masks = global_masks(importance, masked_counts(arguments.rates, heads=heads, rounding="half_up"))
    small = {rate: pruned(model, mask) for rate, mask in zip(arguments.rates, masks, strict=True)}

    def masked() -> None:
        forward(masked_heads(model, masks[0].to(arguments.device)), inputs)

    contestants = {"whole": Contestant(lambda: forward(model, inputs)), "masked": Contestant(masked)}
    contestants |= {str(rate): Contestant(lambda one=one: forward(one, inputs)) for rate, one in small.items()}
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    whole = weights(model)
    return [
        {
            "shape": name,
            "tokens": n,
            "removed": f"{rate:.0%}",
            "encoder's parameters": f"{weights(one) / whole:.1%}",
            "times faster": str(ratio(seconds, "whole", str(rate))),
            "masked, times faster": str(ratio(seconds, "whole", "masked")),
        }
        for rate, one in small.items()
    ]


@torch.no_grad()
def forward(model: PreTrainedModel, inputs: Inputs) -> torch.Tensor:
    """Logits."""
    return model(**inputs.arguments()).logits


def weights(model: PreTrainedModel) -> int:
    """Parameters of the layers, without embeddings and classifier."""
    return sum(parameter.numel() for parameter in model.base_model.encoder.parameters())


if __name__ == "__main__":
    main()
