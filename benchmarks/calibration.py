"""How often the rules of the claims are wrong where nothing is true, and how often they find what is there.

Every rule is fed with models and examples that are drawn anew from those of a kept run, shifted so that the truth lies
just on the rule's limit; what comes out goes through the pipeline's own statistics and verdicts. Three tasks at a time,
as claims are decided over families of tasks. See docs/method.md, "Calibration".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import exchangeable, report
from pipeline.analysis.estimates import mean_squares
from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.keys import Key
from pipeline.analysis.outcomes import Outcomes
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import Mean, Measure, Ratio, Single, Statistic, statistics
from pipeline.analysis.verdicts import Limits, decide
from pipeline.values.params import read_params
from pipeline.values.schema import Params

SIZES = ((3, 60), (3, 400), (5, 400), (5, 2000))  # replicates and examples
TASKS = 3  # in a family
GRID = (30, 60, 128, 277, 408, 872, 2000, 5000, 10000)  # examples at which a rule might decide
POWER = 0.8
VERDICTS = ("reproduced", "not reproduced")
IT = Key("calibration", "it", {})  # the one statistic of a draw
FAR = 1e6  # standard deviations inside: a part that holds without doubt

Pool = Sequence[Measure]  # of every model of a task, the same measure
Draw = Callable[..., list[Measure]]


@dataclass(frozen=True)
class Setting:
    """A rule's parts, and of each simulated task where the parts' values come from."""

    limits: Sequence[Limits]
    pools: Sequence[Sequence[Pool]]  # (task, part)
    either: bool  # one part is enough


def draw(pool: Pool, truth: float, *, count: int, n: int, generator: np.random.Generator) -> list[Measure]:
    """`count` models measured on the same `n` examples, whose true value is `truth`.

    Examples are drawn from the pool's, each value from a random model of it; what models have in common on all examples
    varies as normal, by the pool's variance component. So skewed and rare effects stay what they are.
    """
    first = pool[0]
    if isinstance(first, Single):
        values = np.array([one.value for one in pool if isinstance(one, Single) and one.value is not None])
        drawn = truth + values.std(ddof=1) * generator.normal(size=count)
        return [replace(first, value=float(value)) for value in drawn]
    if isinstance(first, Ratio):
        above, below = _stacked(pool, "above"), _stacked(pool, "below")
        share = above.mean() / below.mean()
        spread = _between_models((above - share * below) / below.mean()) * abs(below.mean())
        at = _places(above.shape, count=count, n=n, generator=generator)
        parts = above[at] + (truth - share) * below[at] + spread * generator.normal(size=(count, 1)), below[at]
        return [replace(first, above=a, below=b) for a, b in zip(*parts, strict=True)]
    values = _stacked(pool, "values")
    at = _places(values.shape, count=count, n=n, generator=generator)
    drawn = values[at] - values.mean() + truth + _between_models(values) * generator.normal(size=(count, 1))
    return [replace(first, values=row) for row in drawn]


def draw_rare(pool: Pool, truth: float, *, count: int, n: int, generator: np.random.Generator) -> list[Measure]:
    """The same, where few examples change, by a whole step: as many as `truth` says, mostly the same in all models."""
    first = pool[0]
    if not isinstance(first, Mean):
        raise TypeError("only a mean has a step")
    share = abs(truth) / first.step
    own, common = generator.random((count, n)) < share, generator.random(n) < share
    changed = np.where(generator.random((count, n)) < 0.8, common, own)
    return [replace(first, values=np.sign(truth) * first.step * row) for row in changed.astype(np.float64)]


def _stacked(pool: Pool, name: str) -> NDArray[np.float64]:
    return np.stack([getattr(one, name) for one in pool])


def _places(shape: tuple[int, ...], *, count: int, n: int, generator: np.random.Generator) -> tuple[Any, Any]:
    return generator.integers(shape[0], size=(count, n)), generator.integers(shape[1], size=n)


def _between_models(values: NDArray[np.float64]) -> float:
    """Standard deviation of what a model adds on all examples."""
    of_models, _, rest = mean_squares(values)
    return float(np.sqrt(max(0.0, (of_models - rest) / values.shape[1])))


def verdicts(setting: Setting, truths: Sequence[float], *, draw: Draw = draw, **sizes: Any) -> list[str]:
    """The verdicts on a family of tasks in which the parts' true values are `truths`."""
    parts = {}
    for task, pools in enumerate(setting.pools):
        found = [
            statistics(None, [{IT: one} for one in draw(pool, truth, **sizes)])[0].estimate
            for pool, truth in zip(pools, truths, strict=True)
        ]
        estimates = [one for one in found if one is not None]
        if len(estimates) == len(found):  # an undefined ratio decides nothing
            parts[str(task)] = estimates
    decisions = decide(parts, setting.limits, of_parts="any" if setting.either else "all", barred={})
    return [one.verdict for one in decisions.values()]


def wrong_share(setting: Setting, verdict: str, *, draws: int, draw: Draw = draw, **sizes: Any) -> float:
    """Share of families with a task that gets `verdict` although the truth is on a limit, where neither side is right.

    Of several parts one is on its limit, and the others are where they do not stand in the way of the verdict: far
    inside for one that needs all of them, on their limits where each is a chance of its own.
    """
    needs_all = (verdict == "reproduced") != setting.either
    shares = []
    for side in ("low", "high"):
        on_limit = [getattr(limits, side) for limits in setting.limits]
        if None in on_limit:
            continue
        truths = on_limit
        if needs_all and len(on_limit) > 1:
            sign = 1 if (verdict == "reproduced") == (side == "low") else -1
            truths = [on_limit[0], *(limit + sign * FAR for limit in on_limit[1:])]
        hits = sum(verdict in verdicts(setting, truths, draw=draw, **sizes) for _ in range(draws))
        shares.append(hits / draws)
    return max(shares)


def power(setting: Setting, truths: Sequence[float], *, draws: int, **sizes: Any) -> float:
    """Share of tasks that are reproduced where the truth is `truths`, each a family of its own."""
    alone = replace(setting, pools=setting.pools[:1])
    return sum(verdicts(alone, truths, **sizes) == ["reproduced"] for _ in range(draws)) / draws


@dataclass(frozen=True)
class Run:
    """A kept run, with its outcomes."""

    outcomes: Outcomes
    values: Params

    @classmethod
    def at(cls, folder: Path) -> Run:
        """The run kept in `folder`."""
        values = read_params(folder / "params.yaml")
        return cls(Outcomes(folder, values.tasks, values.seeds), values)


def settings(run: Run) -> dict[str, Setting]:
    """Every rule whose statistics the run has, by its id."""
    found: dict[tuple[str | None, str, str], Statistic] = {}
    for name, analyse in ANALYSES.items():
        found |= {(one.task, name, one.key.text): one for one in analyse(run.outcomes, run.values).statistics}
    result = {}
    for rule in read_rules().rules:
        needs = [(rule.experiment, part.statistic) for part in rule.primary]
        tasks = [task for task in (*run.values.tasks, None) if all((task, *one) in found for one in needs)]
        pools = [[found[task, *one].of_models for one in needs] for task in tasks]
        if pools:
            family = [pools[number % len(pools)] for number in range(TASKS)]
            result[rule.id] = Setting([part.limits for part in rule.primary], family, rule.any)
    return result


def needed(setting: Setting, truths: Sequence[float], *, draws: int, count: int, generator: Any) -> int | None:
    """The least number of examples on `GRID` at which the rule would reproduce such a truth in `POWER` of cases."""
    for n in GRID:
        if power(setting, truths, draws=draws, count=count, n=n, generator=generator) >= POWER:
            return n
    return None


def calibration_rows(found: dict[str, Setting], *, draws: int, generator: Any) -> list[dict[str, Any]]:
    """Wrong verdicts of every rule, in percent of families of tasks, at every size."""
    rows = []
    for name, setting in found.items():
        rare = all(isinstance(pools[0][0], Mean) and pools[0][0].step for pools in setting.pools)
        for world, how in (("as in the run", draw), *([("rare effects", draw_rare)] if rare else [])):
            for count, n in SIZES:
                sizes = {"draws": draws, "draw": how, "count": count, "n": n, "generator": generator}
                wrong: dict[str, float] = {one: wrong_share(setting, one, **sizes) for one in VERDICTS}
                rows.append(_wrong_row(name, world, wrong, count=count, n=n))
    return rows


def exchangeable_rows(run: Run, *, draws: int, generator: Any) -> list[dict[str, Any]]:
    """The same where two things are compared of which neither is better, as chance alone tells them apart."""
    rows = []
    for name, world, of_model in (
        ("P4b", "two random orders", exchangeable.two_orders),
        ("P4c", "a random order and the mean of others", exchangeable.order_and_others),
        ("P8b", "two halves of the random triggers", exchangeable.two_halves),
        ("P6", "a random tree and the mean of others", exchangeable.tree_and_others),
    ):
        models = exchangeable.read(run.outcomes, of_model)
        for count, n in SIZES:
            counted: dict[str, int] = dict.fromkeys(VERDICTS, 0)
            for _ in range(draws):
                drawn = [exchangeable.estimate(models, count, n, generator) for _ in range(TASKS)]
                parts = {str(task): [one] for task, one in enumerate(drawn) if one is not None}
                decided = decide(parts, [Limits(low=0)], barred={})
                for verdict in {one.verdict for one in decided.values()} & {*VERDICTS}:
                    counted[verdict] += 1
            wrong = {verdict: number / draws for verdict, number in counted.items()}
            rows.append(_wrong_row(name, world, wrong, count=count, n=n))
    return rows


def _wrong_row(rule: str, world: str, wrong: dict[str, float], *, count: int, n: int) -> dict[str, Any]:
    row = {"rule": rule, "world": world, "S": count, "n": n}
    row |= {f"wrongly {verdict}, %": round(100 * share, 1) for verdict, share in wrong.items()}
    report.progress(str(row))
    return row


def power_rows(found: dict[str, Setting], *, draws: int, generator: Any) -> list[dict[str, Any]]:
    """How often a rule finds what it expects, or else what the run found, and what it would need for `POWER`."""
    rows = []
    for name, setting in found.items():
        seen = [_mean(pool) for pool in setting.pools[0]]
        truths = [
            one if part.expected is None else part.expected for part, one in zip(setting.limits, seen, strict=True)
        ]
        row: dict[str, Any] = {"rule": name, "truth": ", ".join(f"{one:.3g}" for one in truths)}
        for count in (3, 5):
            for n in (60, 400):
                sizes = {"draws": draws, "count": count, "n": n, "generator": generator}
                row[f"power, S = {count}, n = {n}, %"] = 100 * power(setting, truths, **sizes)
            row[f"n for 80 %, S = {count}"] = needed(setting, truths, draws=draws, count=count, generator=generator)
        rows.append(row)
        report.progress(str(row))
    return rows


def _mean(pool: Pool) -> float:
    (found,) = statistics(None, [{IT: one} for one in pool])
    return found.estimate.value if found.estimate else float("nan")


def main() -> None:
    """Calibrate all rules on one kept run."""
    arguments = report.parser(__doc__ or "")
    arguments.add_argument("--run", type=Path, default=Path("results/mini"), help="a kept run with its outcomes")
    arguments.add_argument("--draws", type=int, default=2000)
    options = report.parse(arguments, {"draws": 100})
    generator, run = np.random.default_rng(options.seed), Run.at(options.run)
    found = settings(run)
    wrong = exchangeable_rows(run, draws=options.draws, generator=generator)
    wrong += calibration_rows(found, draws=options.draws, generator=generator)
    strength = power_rows(found, draws=max(100, options.draws // 10), generator=generator)
    tables = {"Wrong verdicts": report.table(wrong), "Power": report.table(strength)}
    report.publish("calibration", {"wrong": wrong, "power": strength}, tables, options)


if __name__ == "__main__":
    main()
