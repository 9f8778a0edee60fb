"""How often the rules of the claims are wrong where nothing is true, and how often they find what is there.

Every rule is fed with models and examples that are drawn anew from those of a kept run, shifted so that the truth lies
just on the rule's limit, where neither verdict is right; what comes out goes through the pipeline's own statistics and
verdicts. Four tasks at a time, as claims are decided over families of tasks. See docs/method.md, "Calibration".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import exchangeable, report
from benchmarks.worlds import Pool, World, as_in_run, rare, unlike
from pipeline.analysis.claims import decisions_of
from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.keys import Key
from pipeline.analysis.outcomes import Outcomes
from pipeline.analysis.rules import Primary, Rule, read_rules
from pipeline.analysis.statistics import Least, MeanOfThese, Statistic, statistics
from pipeline.analysis.verdicts import Limits, decide
from pipeline.values.params import read_params
from pipeline.values.schema import Params

SIZES = ((3, 6), (3, 30), (3, 60), (5, 60), (5, 400), (8, 400))  # replicates and examples
WORLDS: Mapping[str, World] = {"as in the run": as_in_run, "rare effects": rare, "a third of the models fails": unlike}
TASKS = 4  # in a family
STUDY = ((3, 60), (4, 60), (4, 120), (6, 120), (6, 200), (8, 120), (8, 400))  # sizes at which power is asked
DECIDED = {"reproduced", "not reproduced"}
IT = Key("calibration", "it", {})  # the one statistic of a draw
FAR = 1e6  # standard deviations inside: a row that holds without doubt
# What a row would be if its claim held just as it is stated, where that can be said: the truth of power.
STATED = {"P1": (100, 100), "P3a": (0,), "P3b": (1, None), "P4a": (0,), "P6": (1, None), "P7a": (0,), "R1": (0,)}


@dataclass(frozen=True)
class Setting:
    """A rule, and of each simulated task where the values of its rows come from, and whose they are."""

    rule: Rule
    pools: Sequence[Sequence[Pool]]  # (task, row)
    sources: Sequence[str] = ()


def verdicts(setting: Setting, truths: Sequence[float], *, world: World = as_in_run, **sizes: Any) -> list[str]:
    """The verdicts on a family of tasks in which the rows' true values are `truths`."""
    rows = {
        str(task): [
            statistics(None, [{IT: one} for one in world(pool, truth, **sizes)])[0]
            for pool, truth in zip(pools, truths, strict=True)
        ]
        for task, pools in enumerate(setting.pools)
    }
    return [one.verdict for one in decisions_of(setting.rule, rows, barred={}).values()]


def on_limit(setting: Setting, *, every: bool) -> list[list[float]]:
    """True values of the rows, with which neither verdict is right: one row on a limit, or `every` one.

    The others of a claim that needs all of its rows are far inside, so that they do not stand in the way; of one that
    needs any they are far outside.
    """
    primary, truths = setting.rule.primary, []
    for row, part in enumerate(primary):
        for limit in (part.low, part.high):
            if limit is None:
                continue
            others = [_limit(one) if every else _far(one, inside=not setting.rule.any) for one in primary]
            truths.append([limit if place == row else other for place, other in enumerate(others)])
        if every:
            break
    return truths


def _limit(part: Primary) -> float:
    return float(next(limit for limit in (part.low, part.high) if limit is not None))


def _far(part: Primary, *, inside: bool) -> float:
    limit = _limit(part)
    return limit + (FAR if (part.low is not None) == inside else -FAR)


def wrong_share(setting: Setting, *, draws: int, every: bool = False, world: World = as_in_run, **sizes: Any) -> float:
    """Share of families with a task that gets a verdict, of either side, although the truth is on a limit.

    Each of the ways in which it can lie there gets the same number of draws.
    """
    ways = on_limit(setting, every=every)
    drawn = [verdicts(setting, ways[number % len(ways)], world=world, **sizes) for number in range(draws)]
    return sum(bool(DECIDED & {*one}) for one in drawn) / draws


def power(setting: Setting, truths: Sequence[float], *, draws: int, **sizes: Any) -> list[float]:
    """Share of the draws in which each task of the family is reproduced, where the truth is `truths` on all."""
    drawn = [verdicts(setting, truths, **sizes) for _ in range(draws)]
    return np.mean([[one == "reproduced" for one in family] for family in drawn], axis=0).tolist()


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
    """Every rule that gives verdicts and whose statistics the run has, by its id; its tasks in turn make a family."""
    found: dict[tuple[str | None, str, str], Statistic] = {}
    for name, analyse in ANALYSES.items():
        found |= {(one.task, name, one.key.text): one for one in analyse(run.outcomes, run.values).statistics}
    result = {}
    for rule in read_rules().rules:
        needs = [(rule.experiment, part.statistic) for part in rule.primary]
        tasks = [task for task in (*run.values.tasks, None) if all(_is_defined(found, task, *one) for one in needs)]
        pools = [[found[task, *one].of_models for one in needs] for task in tasks]
        if pools and not rule.without_verdict:
            places = [number % len(pools) for number in range(TASKS)]
            sources = [tasks[place] or "all tasks" for place in places]
            result[rule.id] = Setting(rule, [pools[place] for place in places], sources)
    return result


def _is_defined(found: Mapping[tuple[str | None, str, str], Statistic], *key: Any) -> bool:
    return key in found and found[key].estimate is not None


def calibration_rows(found: dict[str, Setting], *, draws: int, generator: Any) -> list[dict[str, Any]]:
    """Wrong verdicts of every rule, in percent of families of tasks, in every world at every size."""
    rows = []
    for name, setting in found.items():
        for world, how in WORLDS.items():
            if how is unlike and not isinstance(setting.pools[0][0][0], MeanOfThese | Least):
                continue
            for every in (False, True) if len(setting.rule.primary) > 1 else (False,):
                row: dict[str, Any] = {"rule": name, "world": world + (", every row on its limit" if every else "")}
                for count, n in SIZES:
                    sizes = {"draws": draws, "world": how, "count": count, "n": n, "generator": generator}
                    row[_size(count, n)] = round(100 * wrong_share(setting, every=every, **sizes), 1)
                rows.append(row)
                report.progress(str(row))
    return rows


def _size(count: int, n: int) -> str:
    return f"S = {count}, n = {n}"


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
        row: dict[str, Any] = {"rule": name, "world": world}
        for count, n in SIZES:
            wrong = 0
            for _ in range(draws):
                drawn = [exchangeable.estimate(models, count, n, generator) for _ in range(TASKS)]
                parts = {str(task): [one] for task, one in enumerate(drawn) if one is not None}
                decided = decide(parts, [Limits(low=0)], barred={})
                wrong += any(one.verdict in DECIDED for one in decided.values())
            row[_size(count, n)] = round(100 * wrong / draws, 1)
        rows.append(row)
        report.progress(str(row))
    return rows


def power_rows(found: dict[str, Setting], *, draws: int, generator: Any) -> list[dict[str, Any]]:
    """How often a rule finds what its claim states, or else what the run found, on each task, in percent."""
    rows = []
    for name, setting in found.items():
        for number, source in enumerate(dict.fromkeys(setting.sources)):
            seen = [_mean(pool) for pool in setting.pools[number]]
            stated = STATED.get(name, (None,) * len(seen))
            truths = [one if given is None else given for given, one in zip(stated, seen, strict=True)]
            row: dict[str, Any] = {"rule": name, "task": source, "truth": ", ".join(f"{one:.3g}" for one in truths)}
            places = [place for place, one in enumerate(setting.sources) if one == source]
            for count, n in STUDY:
                shares = power(setting, truths, draws=draws, count=count, n=n, generator=generator)
                row[_size(count, n)] = round(100 * float(np.mean([shares[place] for place in places])))
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
    arguments.add_argument("--draws", type=int, default=1000)
    arguments.add_argument("--rules", nargs="+", metavar="ID", help="these alone, such as P1 and R3")
    arguments.add_argument("--power", action="store_true", help="power alone")
    options = report.parse(arguments, {"draws": 100})
    generator, run = np.random.default_rng(options.seed), Run.at(options.run)
    found = {name: one for name, one in settings(run).items() if name in (options.rules or [name])}
    wrong = []
    if not options.power:
        wrong += [] if options.rules else exchangeable_rows(run, draws=options.draws, generator=generator)
        wrong += calibration_rows(found, draws=options.draws, generator=generator)
    strength = power_rows(found, draws=max(100, options.draws // 10), generator=generator)
    tables = {title: report.table(rows) for title, rows in (("Wrong verdicts", wrong), ("Power", strength)) if rows}
    report.publish("calibration", {"wrong": wrong, "power": strength}, tables, options)


if __name__ == "__main__":
    main()
