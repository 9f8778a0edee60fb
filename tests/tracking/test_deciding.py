"""What a run's final values say of claims, on statistics written by hand, and on those of a kept run."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.rules import read_rules
from pipeline.tracking.deciding import deciding
from pipeline.values.store import read_json

KEPT = Path(__file__).parents[2] / "results/mini/outputs/analysis"
RULES = read_rules()


def statistic(name: str, by_seed: list[float | None], *, task: str | None = "negation", unit: str = "points") -> Any:
    return {"name": name, "task": task, "unit": unit, "by_seed": by_seed}


def test_a_model_has_its_own_value_of_what_decides_in_the_unit_of_the_rule() -> None:
    statistics = [
        statistic("within/right-20", [12.5, 25.0], unit="%"),
        statistic("least/right-20", [None, 50.0], unit="%"),
        statistic("error/right-20", [0.5, 0.25], unit="share"),
        statistic("within/right-20", [1.0, 2.0], task="inference", unit="%"),
    ]
    of = {"model": {"task": "negation", "seed": 7}, "seeds": [3, 7]}
    assert deciding(RULES, "convergence", statistics, **of) == {
        "P1/within/right-20/percent": 25.0,
        "P1/least/right-20/percent": 50.0,
    }
    first = {"model": {"task": "negation", "seed": 3}, "seeds": [3, 7]}
    assert deciding(RULES, "convergence", statistics, **first) == {"P1/within/right-20/percent": 12.5}


def test_where_no_rule_asks_for_the_model_all_statistics_are_there() -> None:
    statistics = [
        statistic("agreement/a-b", [0.5, 0.75], task=None, unit="correlation"),
        statistic("lost", [3.0, 4.0]),
        statistic("lost", [5.0, 6.0], task="inference"),
        statistic("of one seed alone", [9.0]),
    ]
    assert deciding(RULES, "universality", statistics, model={"task": "negation", "seed": 2}, seeds=[1, 2]) == {
        "universality/agreement/a-b/correlation": 0.75,
        "universality/lost/points": 4.0,
    }
    growth = [statistic("growth", [1.5], task=task, unit="tokens") for task in ("sst2", "rte")]
    of = {name: {"task": name, "seed": 1} for name in ("sst2", "rte")}
    assert deciding(RULES, "receptive_field", growth, model=of["sst2"], seeds=[1]) == {"P7b/growth/tokens": 1.5}
    assert deciding(RULES, "receptive_field", growth, model=of["rte"], seeds=[1]) == {
        "receptive_field/growth/tokens": 1.5
    }


def test_a_run_without_a_task_names_what_its_statistics_are_about() -> None:
    statistics = [statistic("auroc/attention", [0.5], task=task, unit="") for task in ("one path", "two paths")]
    assert deciding(RULES, "planted_paths", statistics, model={"seed": 4}, seeds=[4]) == {
        "planted_paths/one path/auroc/attention": 0.5,
        "planted_paths/two paths/auroc/attention": 0.5,
    }


@pytest.mark.parametrize("rule", [rule for rule in RULES.rules if rule.tasks is None and rule.id != "P5"])
def test_every_rule_finds_its_rows_in_a_kept_run(rule: Any) -> None:
    statistics = read_json(KEPT / rule.experiment / "records.json")["statistics"]
    found = deciding(RULES, rule.experiment, statistics, model={"task": "negation", "seed": 1}, seeds=[1, 2, 3, 4, 5])
    assert sum(name.startswith(f"{rule.id}/") for name in found) == len(rule.primary)
