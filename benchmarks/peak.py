"""The memory of a process that attributes one example of 512 tokens on a random BERT, as one line of JSON.

Run: python -m benchmarks.peak    (a process of its own, as a peak is one process's)

The peak is the kernel's VmHWM: all of the process, interpreter, libraries and weights included. `ru_maxrss` is not
used: a child starts with its parent's.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from attattr.attribution import attribute
from benchmarks.shapes import BASE, bert, random_inputs

GIB = 2**30
TARGET = 3.0  # GiB


def single_example(extra: list[str]) -> dict[str, Any]:
    """What a fresh process reports, as the row of a table."""
    command = [sys.executable, "-m", "benchmarks.peak", *extra]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = json.loads(output.splitlines()[-1])
    return figures | {"target": TARGET, "met": figures["peak, GiB"] <= TARGET}


def peak_bytes() -> int:
    """The largest resident size that this process has had. Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Attribute with the engine's own settings and write the figures to the standard output."""
    description = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    description.add_argument("--tokens", type=int, default=512)
    description.add_argument("--layers", type=int, default=BASE["layers"])
    description.add_argument("--steps", type=int, help="instead of auto; memory does not depend on it")
    arguments = description.parse_args()
    settings: dict[str, Any] = {} if arguments.steps is None else {"steps": arguments.steps}
    model = bert(**BASE | {"layers": arguments.layers}, seed=1, device="cpu")
    inputs = random_inputs(batch=1, n=arguments.tokens, seed=1, device="cpu")
    before, start = peak_bytes(), time.perf_counter()
    result = attribute(model, **inputs.arguments(), target="predicted", **settings)
    figures = {
        "tokens": arguments.tokens,
        "layers": arguments.layers,
        "steps": " ".join(map(str, sorted(set(result.steps.flatten().tolist())))),
        "peak, GiB": peak_bytes() / GIB,
        "before, GiB": before / GIB,
        "results, GiB": 2 * result.attribution.nbytes / GIB,
        "seconds": time.perf_counter() - start,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
