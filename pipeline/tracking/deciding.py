"""The numbers of one model that decide claims, each with its claim and its unit in the name."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.rules import Rules

Row = Mapping[str, Any]
WORDS = {"%": "percent"}  # a name that a query can hold


def deciding(
    rules: Rules, experiment: str, statistics: Sequence[Row], *, model: Mapping[str, Any], seeds: Sequence[int]
) -> dict[str, float]:
    """A model's own values of an experiment's primary statistics, by `<claim>/<statistic>/<unit>` of the rule.

    Where no rule asks for this experiment of this model, as one compares tasks or is about another task: all of the
    experiment's statistics, by `<experiment>/<statistic>/<unit>`. `model` has the `seed`, and the `task` where there is
    one; `statistics` are records whose `by_seed` is in the order of `seeds`. What is undefined is left out.
    """
    place, task = list(seeds).index(model["seed"]), model.get("task")
    own = [one for one in statistics if _is_of(one, task) and len(one["by_seed"]) == len(seeds)]
    claims = [rule for rule in rules.rules if rule.experiment == experiment and _asks_of(rule.tasks, task)]
    found = {
        f"{rule.id}/{_name(one)}": one["by_seed"][place]
        for rule in claims
        for part in rule.primary
        for one in own
        if one["name"] == part.statistic
    }
    if not found:
        # Of a run without a task a statistic has the name of what it is about before its own.
        about = {id(one): f"{one['task']}/" if task is None and one["task"] else "" for one in own}
        found = {f"{experiment}/{about[id(one)]}{_name(one)}": one["by_seed"][place] for one in own}
    return {name: value for name, value in found.items() if value is not None}


def _is_of(statistic: Row, task: str | None) -> bool:
    return task is None or statistic["task"] in (task, None)  # None: over all tasks of the seed


def _asks_of(tasks: Sequence[str] | None, task: str | None) -> bool:
    return tasks is None or task in tasks


def _name(statistic: Row) -> str:
    unit = WORDS.get(statistic["unit"], statistic["unit"])
    return f"{statistic['name']}/{unit}" if unit else statistic["name"]
