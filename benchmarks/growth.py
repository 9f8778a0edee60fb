"""How time and memory grow with tokens, layers, heads, steps and batch, around one base configuration.

Run: python -m benchmarks.growth    (1 thread: OMP_NUM_THREADS=1)

The models are random BERTs of one hidden size (256, or BERT-base's shape with --base). *Step* is one pass forward and
backward through the layers above the scaled attention of layer 0, where most layers are above; *call* is the whole
attribution, whose results alone are layers x heads x n^2 numbers per example. An exponent is a slope in logarithms, by
least squares over all values and over the last two.
"""

import argparse
from typing import Any

import numpy as np
import torch

from attattr.attribution import attribute
from attattr.copies import frozen
from attattr.families import describe
from attattr.paths import LayerPath
from attattr.prefix import prefix_pass
from benchmarks.peak import single_example
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.shapes import BASE, bert, random_inputs
from benchmarks.timing import Contestant, Spread, measure, peak_memory

SMALL = {"hidden": 256, "layers": 4, "heads": 4, "n": 64, "steps": 4, "batch": 2}
SMALL_VALUES = {
    "n": [16, 32, 64, 128, 256, 512],
    "layers": [2, 4, 8, 12, 16],
    "heads": [1, 2, 4, 8, 16],
    "steps": [2, 4, 8, 16, 32, 64],
    "batch": [1, 2, 4, 8, 16, 32],
}
LARGE = BASE | {"n": 32, "steps": 2, "batch": 1}
LARGE_VALUES = SMALL_VALUES | {"steps": [2, 4, 8, 16], "batch": [1, 2, 4, 8]}
MIB = 2**20

Point = dict[str, int]
Points = dict[str, list[dict[str, Any]]]


class Case:
    """One configuration, with its model and inputs."""

    def __init__(self, point: Point, *, seed: int, device: str) -> None:
        sizes = {name: point[name] for name in ("hidden", "layers", "heads")}
        self.point, self.model = point, bert(**sizes, seed=seed, device=device)
        self.inputs = random_inputs(batch=point["batch"], n=point["n"], seed=seed, device=device)

    def call(self) -> object:
        """The whole attribution."""
        steps = self.point["steps"]
        return attribute(self.model, **self.inputs.arguments(), target=0, rule="gauss_legendre", steps=steps)

    def step_memory(self, device: str) -> int:
        """Bytes that one pass of all examples and steps together needs at layer 0, its own input included."""
        model = frozen(self.model)
        with torch.no_grad():
            path = LayerPath(describe(model), prefix_pass(model, self.inputs), 0, None)
            examples = torch.arange(self.point["batch"], device=device)

            def step() -> None:
                scaled = path.start(examples).repeat(self.point["steps"], 1, 1, 1).requires_grad_()
                with torch.enable_grad():
                    f = path.logits(examples, scaled).softmax(dim=-1)[:, 0].sum()
                torch.autograd.grad(f, scaled)

            return peak_memory(step, device)


def main() -> None:
    """Measure every axis, print the tables, write the results."""
    description = parser(__doc__)
    description.add_argument("--base", action="store_true", help="the shape of BERT-base instead of hidden size 256")
    arguments = parse(description, {"repetitions": 2})
    base, axes = (LARGE, LARGE_VALUES) if arguments.base else (SMALL, SMALL_VALUES)
    if arguments.quick:
        axes = {axis: values[:2] for axis, values in axes.items()}
    points = points_of(base, axes, arguments)
    around = ", ".join(f"{key} {value}" for key, value in base.items())
    slopes = [exponents(axis, points[axis]) for axis in axes]
    tables = {
        f"Exponents around {around} (all values / the last two)": table(slopes),
        "Each point": table([_shown(row) for axis in axes for row in points[axis]]),
    }
    results: dict[str, Any] = {"base": base, "points": points}
    if arguments.device == "cpu" and not arguments.base:
        progress("one example of 512 tokens")
        row = results["single_example"] = single_example(["--layers", "2", "--steps", "4"] if arguments.quick else [])
        tables["One example on the shape of BERT-base in float32: peak memory of the whole process"] = table([row])
    publish("growth-base" if arguments.base else "growth", results, tables, arguments)


def points_of(base: Point, axes: dict[str, list[int]], arguments: argparse.Namespace) -> Points:
    """Time and memory of every point; all points take turns."""
    progress("memory")
    cases = {
        f"{axis} {value}": Case(base | {axis: value}, seed=arguments.seed, device=arguments.device)
        for axis, values in axes.items()
        for value in values
    }
    memory = {}
    for name, case in cases.items():
        case.call()  # warms up, too
        memory[name] = (case.step_memory(arguments.device), peak_memory(case.call, arguments.device))
    progress("time")
    contestants = {name: Contestant(case.call) for name, case in cases.items()}
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    points: Points = {axis: [] for axis in axes}
    for axis, values in axes.items():
        for value in values:
            name = f"{axis} {value}"
            step, call = memory[name]
            times = Spread.of(seconds[name]).values()
            points[axis].append({"varied": axis, "value": value, "seconds": times, "step": step, "call": call})
    return points


def exponents(axis: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The slopes of one axis."""
    values = [row["value"] for row in rows]
    measured = {
        "time": [row["seconds"]["median"] for row in rows],
        "memory of a step": [row["step"] for row in rows],
        "memory of a call": [row["call"] for row in rows],
    }
    result: dict[str, Any] = {"varied": axis, "values": f"{values[0]}..{values[-1]}"}
    for name, sizes in measured.items():
        x, y = np.log(values), np.log(sizes)
        result[name] = f"{np.polyfit(x, y, 1)[0]:.2f} / {(y[-1] - y[-2]) / (x[-1] - x[-2]):.2f}"
    return result


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    memory = {f"{name}, MiB": row[name] / MIB for name in ("step", "call")}
    return {"varied": row["varied"], "value": row["value"], "seconds": str(Spread(**row["seconds"])), **memory}


if __name__ == "__main__":
    main()
