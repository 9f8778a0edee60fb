"""What takes part in the comparison of speed: the baselines, and the engine with the settings that answer to them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from attattr.attribution import Attribution
from benchmarks.accuracy import edge_error
from benchmarks.naive import naive, through_captum
from benchmarks.workloads import Workload

Settings = dict[str, Any]
STEPS = 20
LEFT: Settings = {"rule": "left", "steps": STEPS}
AGREEMENT = 1e-5  # of the largest score
SAME, EQUAL, AUTO = "same rule", "equal error", "auto"
HALF = ", bfloat16"
BASELINES = {"naive": naive} | ({"captum": through_captum} if find_spec("captum") else {})


@dataclass(frozen=True)
class Entry:
    """The engine with the settings of one contestant, and its error."""

    settings: Settings
    result: Attribution
    error: float


def attributed(singles: list[Workload], method: Callable[..., Tensor]) -> list[Tensor]:
    """The scores of each example by the released code, or by Captum."""
    return [
        method(one.model, one.inputs.input_ids, one.inputs.token_type_ids, one.target[0], steps=STEPS)
        for one in singles
    ]


def engine_entries(work: Workload, reference: Tensor, *, halves: list[Settings]) -> dict[str, Entry]:
    """The engine's contestants; of the released code's error the engine at the same rule tells, as both agree."""
    entries: dict[str, Entry] = {}
    for half in halves:
        suffix = HALF if half else ""
        for name, settings in ((SAME, LEFT), (AUTO, {})):
            result = work.attribute(**settings, **half)
            entries[name + suffix] = Entry(settings | half, result, edge_error(result.attribution, reference))
        equal = cheapest(work, reference, bound=entries[SAME].error, half=half)
        if equal is not None:
            entries[EQUAL + suffix] = equal
    return entries


def cheapest(work: Workload, reference: Tensor, *, bound: float, half: Settings) -> Entry | None:
    """The first rule, in the order of cost, whose error is not above `bound`; None where no rule's is.

    At the same number, Clenshaw-Curtis is the cheaper one: one backward pass serves the last node of all layers, while
    Gauss-Legendre runs F without attention besides its nodes.
    """
    for steps in range(2, STEPS + 1):
        for rule in ("clenshaw_curtis", "gauss_legendre"):
            settings = {"rule": rule, "steps": steps, **half}
            result = work.attribute(**settings)
            error = edge_error(result.attribution, reference)
            if error <= bound:
                return Entry(settings, result, error)
    return None


def check_agreement(singles: list[Workload], scores: Tensor) -> None:
    """Raise unless the engine at the same rule and the baselines give the same scores."""
    for name, method in BASELINES.items():
        for number, expected in enumerate(attributed(singles, method)):
            n = expected.shape[-1]
            difference = float((scores[number, :, :, :n, :n] - expected).abs().max() / expected.abs().max())
            if difference > AGREEMENT:
                raise RuntimeError(f"{singles[number].name}: {name} differs from the engine by {difference:.2g}")
