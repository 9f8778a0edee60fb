"""How long stages take, by what they took in earlier runs with the same values, here: outputs/times/repro.json."""

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from pipeline.commands.running.plan import item_of
from pipeline.errors import InputError
from pipeline.terminal.listing import read_yaml
from pipeline.values.paths import OUTPUTS
from pipeline.values.store import read_json, write_json

if TYPE_CHECKING:
    from pipeline.values.schema import Params

FILE = OUTPUTS / "times" / "repro.json"
LOCK = Path("dvc.lock")
LONG = 1.5  # of a unit: what takes longer is said in it
MODEL = ("prepare", "finetune")  # whose values decide what every other stage of a model takes, too


def addresses(graph: Mapping[str, Any], params: "Params") -> list[str]:
    """Every stage that a run with these values has, as DVC names it, in the order of dvc.yaml (`graph`)."""
    values = {"task": params.tasks, "seed": params.seeds}
    found = []
    for name, entry in graph.items():
        items = product(*(values[axis] for axis in entry.get("matrix", {})))
        labels = ["-".join(map(str, item)) for item in items]
        found += [f"{name}@{label}" if label else name for label in labels]
    return found


def known_seconds(params: "Params") -> dict[str, float]:
    """What every stage of an earlier `make repro` took, by its name; of stages of a model only with these values."""
    try:
        locked = read_yaml(LOCK).get("stages") or {}
        measured = read_json(FILE)
    except (InputError, OSError, ValueError):
        return {}
    values = params.model_dump(mode="json")

    def is_of_values(address: str) -> bool:
        item = item_of(address)
        entries = [locked.get(one) for one in (address, *(f"{stage}@{item}" for stage in MODEL))]
        return not item or all(_has_values(entry, values) for entry in entries if entry)

    return {name: seconds for name, seconds in measured.items() if name in locked and is_of_values(name)}


def keep_seconds(measured: Mapping[str, float]) -> None:
    """Write down what stages took, in place of what is there of them."""
    try:
        before = read_json(FILE)
    except (OSError, ValueError):
        before = {}
    write_json(FILE, before | {name: round(seconds, 1) for name, seconds in measured.items()})


def seconds_of(address: str, known: Mapping[str, float]) -> float | None:
    """What a stage takes: as long as it took, or as it took of the same task's other seeds; None if it is not known.

    Of a stage over all models, which takes seconds, nothing need be known.
    """
    if address in known or not item_of(address):
        return known.get(address, 0.0)
    alike = [seconds for other, seconds in known.items() if _of_task(other) == _of_task(address)]
    return mean(alike) if alike else None


def time_left(waiting: Iterable[str], known: Mapping[str, float], *, at_once: int) -> float | None:
    """The seconds that stages take, those of `at_once` models at a time; None if one of them is not known."""
    of_model: dict[str, float] = {}
    for address in waiting:
        seconds = seconds_of(address, known)
        if seconds is None:
            return None
        of_model[item_of(address)] = of_model.get(item_of(address), 0.0) + seconds
    of_all = of_model.pop("", 0.0)
    return of_all + max(sum(of_model.values()) / at_once, max(of_model.values(), default=0.0))


def counted(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def about(seconds: float) -> str:
    """`about 40 seconds`, `about 8 minutes`, `about 3.5 hours`."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < LONG:
        return f"about {10 * max(1, round(seconds / 10))} seconds"
    return f"about {minutes:.0f} minutes" if hours < LONG else f"about {hours:.1f} hours"


def _of_task(address: str) -> tuple[str, str]:
    """The stage, and the task of what it is run for."""
    return address.partition("@")[0], item_of(address).rpartition("-")[0]


def _has_values(entry: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether dvc.lock's entry of a stage is of these values."""
    sections = (entry.get("params") or {}).get("params.yaml") or {}
    return all(values.get(name) == value for name, value in sections.items() if name not in ("tasks", "seeds"))
