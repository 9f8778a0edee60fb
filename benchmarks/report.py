"""What every benchmark shares: its arguments, the description of the hardware, Markdown tables and JSON results."""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

RESULTS = Path("benchmarks/results")
QUICK_RESULTS = Path("scratch/benchmarks/results")
LIBRARIES = ("torch", "transformers", "numpy", "captum")


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that all benchmarks take; of `description`, a module's text, the first line is shown."""
    summary = description.partition("\n")[0]
    result = argparse.ArgumentParser(description=summary, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--repetitions", type=int, default=5, help="how often every contestant is timed")
    result.add_argument("--seed", type=int, default=1, help="of the drawn examples and random models")
    result.add_argument("--quick", action="store_true", help=f"a sanity run; its results go to {QUICK_RESULTS}")
    result.add_argument("--folder", type=Path, help=f"where the results go, instead of {RESULTS}")
    return result


def parse(description: argparse.ArgumentParser, quick: dict[str, Any]) -> argparse.Namespace:
    """The arguments of this run; in a quick one the defaults are those of `quick`."""
    arguments = description.parse_args()
    if arguments.quick:
        description.set_defaults(**quick)
        return description.parse_args()
    if arguments.repetitions < 5:
        description.error("--repetitions must be at least 5: a median of fewer says little")
    return arguments


def hardware(device: str) -> dict[str, Any]:
    """The processor and the libraries: what a time depends on."""
    libraries = {name: version(name) for name in LIBRARIES if find_spec(name)}
    result = {"cpu": _processor(), "cpu_capability": torch.backends.cpu.get_cpu_capability()}
    result |= {"threads": torch.get_num_threads(), "python": platform.python_version(), **libraries}
    if device == "cuda":
        result |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    return result


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table; the columns are the first row's keys."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def publish(name: str, results: dict[str, Any], tables: dict[str, str], arguments: argparse.Namespace) -> None:
    """Print `tables`, title by title, and write `results` with the hardware to `<name>-<device>.json`."""
    machine = hardware(arguments.device)
    settings = {key: value for key, value in vars(arguments).items() if key != "folder"}
    content = {"hardware": machine, "settings": settings, **results}
    folder = arguments.folder or (QUICK_RESULTS if arguments.quick else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, sort_keys=True, default=str)
    (folder / f"{name}-{arguments.device}.json").write_text(f"{text}\n", encoding="utf-8")
    described = ", ".join(f"{key} {value}" for key, value in machine.items())
    parts = [f"{title}\n\n{content}" for title, content in tables.items()]
    sys.stdout.write("\n" + "\n\n".join([*parts, f"Hardware: {described}."]) + "\n")


def progress(message: str) -> None:
    """One line to the standard error."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
