"""The engine on a GPU: examples per second, share of the card's matrix peak, memory, and agreement with the CPU.

Run: python -m benchmarks.gpu --device cuda --folder OUT    (needs torch and transformers only, and no data)

Inputs are random and fill 128 tokens; the model has the shape of BERT-base and random weights, so the steps that `auto`
takes are those of this model. The peak is what a large matrix product reaches in the same type in the same run, timed
in turn with the engine; the operations are those of benchmarks/operations.py. The released code takes one example at a
time; ratios are to its float32 run with the same TF32 setting, and of bfloat16 to that with TF32.
"""

import argparse
import copy
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import Attribution, attribute
from attattr.inputs import Inputs
from benchmarks.formats import MODES, Mode, within
from benchmarks.naive import naive
from benchmarks.operations import counted
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.shapes import BASE, bert, random_inputs
from benchmarks.timing import Contestant, Spread, measure, peak_memory, ratio

RULES: dict[str, dict[str, Any]] = {
    "right 20": {"rule": "right", "steps": 20},
    "gauss_legendre 3": {"rule": "gauss_legendre", "steps": 3},
    "auto": {"rule": "clenshaw_curtis", "steps": "auto"},
}
SMALL = {"hidden": 64, "layers": 2, "heads": 4}
MIB = 2**20
PEAK, NAIVE = "peak", "released code, left 20"
PRODUCTS = 4  # of one timed run


def main() -> None:
    """Measure every batch size, rule and number format, print the tables, write the results."""
    description = parser(__doc__)
    description.add_argument("--batches", nargs="+", type=int, default=[8, 32, 128], help="examples per call")
    description.add_argument("--tokens", type=int, default=128)
    description.add_argument("--matrix", type=int, default=8192, help="rows and columns of the peak's matrices")
    description.add_argument("--naive-count", type=int, default=2, help="examples that the released code is timed on")
    description.add_argument("--agreement-count", type=int, default=2, help="examples that are compared with the CPU")
    quick = {"batches": [2], "tokens": 16, "matrix": 512, "naive_count": 1, "repetitions": 2}
    arguments = parse(description, quick)
    model = bert(**SMALL if arguments.quick else BASE, seed=arguments.seed, device=arguments.device)
    agreements = agreement(model, arguments)
    rows = [row for batch in arguments.batches for row in speeds(model, batch, arguments)]
    tables = {
        f"{arguments.tokens} tokens; median (smallest..largest)": table(rows),
        "Difference from the CPU's float32 scores at the same rule, relative to their absolute sum": table(agreements),
    }
    publish("gpu", {"rows": rows, "agreement": agreements}, tables, arguments)


def explain(model: PreTrainedModel, inputs: Inputs, rule: str, mode: Mode) -> Attribution:
    """The engine's attribution of class 0."""
    return attribute(model, **inputs.arguments(), target=0, precision=mode.precision, **RULES[rule])


def speeds(model: PreTrainedModel, batch: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one batch size."""
    progress(f"batch {batch}")
    inputs = random_inputs(batch=batch, n=arguments.tokens, seed=arguments.seed, device=arguments.device)
    contestants = take_part(model, inputs, arguments)
    memory, operations = {}, {}
    for name, contestant in contestants.items():  # warms up, too
        memory[name] = peak_memory(contestant.run, arguments.device)
        done = contestant.run()
        if isinstance(done, Attribution):
            operations[name] = operations_of(model, done, inputs, name)
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    rows = []
    for name in contestants:
        what, form = name.rsplit(", ", 1)
        if what == PEAK:
            continue
        peak = [2 * arguments.matrix**3 / taken for taken in seconds[f"{PEAK}, {form}"]]
        reached = [operations.get(name, 0) / batch / taken for taken in seconds[name]]
        fraction = [a / b for a, b in zip(reached, peak, strict=True)]
        rows.append(
            {
                "batch": 1 if what == NAIVE else batch,
                "format": form,
                "contestant": what,
                "examples per second": str(Spread.of([1 / taken for taken in seconds[name]])),
                "times faster": str(ratio(seconds, f"{NAIVE}, {'TF32' if form == 'bfloat16' else form}", name)),
                "fraction of the peak": str(Spread.of(fraction)) if name in operations else None,
                "peak, 10^12 per second": str(Spread.of([value / 1e12 for value in peak])),
                "memory, MiB": memory[name] / MIB,
            }
        )
    return rows


def take_part(model: PreTrainedModel, inputs: Inputs, arguments: argparse.Namespace) -> dict[str, Contestant]:
    """The peak's product, the released code and the engine, in every number format."""
    contestants: dict[str, Contestant] = {}
    batch, device = len(inputs.input_ids), arguments.device
    for form, mode in MODES.items():
        matrix = torch.randn(arguments.matrix, arguments.matrix, device=device, dtype=mode.dtype)
        run = within(mode, lambda matrix=matrix: [matrix @ matrix for _ in range(PRODUCTS)])
        contestants[f"{PEAK}, {form}"] = Contestant(run, PRODUCTS)
        if mode.precision == "full":
            run = within(mode, lambda: naive_scores(model, inputs, arguments.naive_count))
            contestants[f"{NAIVE}, {form}"] = Contestant(run, min(batch, arguments.naive_count))
        for rule in RULES:
            run = within(mode, lambda rule=rule, mode=mode: explain(model, inputs, rule, mode))
            contestants[f"{rule}, {form}"] = Contestant(run, batch)
    return contestants


def operations_of(model: PreTrainedModel, result: Attribution, inputs: Inputs, name: str) -> int:
    """The floating point operations of a contestant's result."""
    settings = RULES[name.rsplit(", ", 1)[0]]
    return counted(model, result, inputs.lengths.tolist(), rule=settings["rule"], auto=settings["steps"] == "auto")


def naive_scores(model: PreTrainedModel, inputs: Inputs, count: int) -> list[Tensor]:
    """The released code's scores of the first `count` examples, one after the other."""
    types, target = inputs.token_type_ids, torch.tensor(0)
    ids = [inputs.input_ids[row : row + 1] for row in range(min(count, len(inputs.input_ids)))]
    return [naive(model, one, types[:1], target, steps=20) for one in ids]


def agreement(model: PreTrainedModel, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """For every rule and number format, how far the device's scores are from the CPU's in float32."""
    progress("agreement with the CPU")
    there = copy.deepcopy(model).cpu()
    inputs = [
        random_inputs(batch=arguments.agreement_count, n=arguments.tokens, seed=arguments.seed + 1, device=device)
        for device in ("cpu", arguments.device)
    ]
    rows = []
    for rule in RULES:
        expected = within(MODES["float32"], lambda rule=rule: explain(there, inputs[0], rule, MODES["float32"]))()
        row: dict[str, Any] = {"rule": rule, "steps": f"{expected.steps.double().mean():.1f}"}
        for name, mode in MODES.items():
            result = within(mode, lambda rule=rule, mode=mode: explain(model, inputs[1], rule, mode))()
            difference = (result.attribution.cpu().double() - expected.attribution).abs().sum()
            row[name] = float(difference / expected.attribution.double().abs().sum())
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
