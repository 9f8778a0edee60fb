"""Curves and metrics as the stages write them, with made-up numbers."""

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.analysis.intervals import wilson_interval
from pipeline.analysis.tree import BASELINES
from pipeline.reporting.blocks import ReportContext

N = 200
FIGURES = (
    "effectiveness",
    "effectiveness_areas",
    "pruning",
    "heatmap_negation",
    "trees_negation",
    "faithfulness",
    "receptive_field",
    "triggers",
    "convergence",
    "completeness",
)
MEASURES = (
    "attribution",
    "taylor",
    "taylor_michel",
    "taylor_authors",
    "attention",
    "accuracy_difference",
    "loss_difference",
    "gradient_x_attention",
)
EFFECTIVENESS = (
    "attribution_predicted",
    "attribution_gold",
    "attention_max",
    "attention_confidence",
    "gradient_x_attention",
    "taylor",
    "loss_difference",
    "random",
)


def _with_counts(rows):
    curves = pd.DataFrame(rows)
    curves["n"] = N
    curves["accuracy"] = curves["correct"] / N
    curves["low"], curves["high"] = wilson_interval(curves["correct"], curves["n"])
    return curves


@pytest.fixture
def effectiveness_curves():
    def make(*, tasks=("negation", "inference"), seeds=(1,), heads=4):
        generator = np.random.default_rng(0)
        return _with_counts(
            {"task": task, "seed": seed, "method": method, "direction": direction, "k": k}
            | {"correct": int(generator.integers(60, N))}
            for task in tasks
            for seed in seeds
            for method in EFFECTIVENESS
            for direction in ("lowest_first", "highest_first")
            for k in range(heads + 1)
        )

    return make


@pytest.fixture
def pruning_curves():
    def make(*, tasks=("negation", "inference"), seeds=(1,), normalise=("none", "layer_l2"), orders=20):
        generator = np.random.default_rng(1)
        runs = [(method, name, 0) for method in MEASURES for name in normalise]
        runs += [("random", "none", order) for order in range(orders)]
        return _with_counts(
            {"task": task, "seed": seed, "method": method, "normalise": name, "order": order, "rate": rate / 10}
            | {"correct": int(generator.integers(60, N))}
            for task in tasks
            for seed in seeds
            for method, name, order in runs
            for rate in range(11)
        )

    return make


@pytest.fixture
def finetune_metrics():
    return [
        {"task": "negation", "seed": 1, "n": 1000, "accuracy": 63 / 64, "accuracy_low": 31 / 32, "accuracy_high": 1.0}
        | {"per_class": {"no": {"accuracy": 0.5, "low": 0.25, "high": 0.75, "n": 400}}, "model": "m", "n_train": 6000}
    ]


@pytest.fixture
def effectiveness_metrics():
    return [{"task": "negation", "seed": 1, "n": 1000, "n_heads": 4, "baseline_accuracy": 0.984}]


@pytest.fixture
def effectiveness_statistics():
    def make(*, tasks=("negation",), seeds=1):
        known = {"unit": "points", "holds": "this model", "error": 1.0, "freedom": 999.0, "n": 1000, "why": None}
        return [
            {"task": task, "name": f"area/{method}", "label": f"area, {method}", **known, "replicates": seeds}
            | {"value": 10.0 * place, "low": 10.0 * place - 2, "high": 10.0 * place + 2}
            | {"by_seed": [10.0 * place + seed for seed in range(seeds)]}
            for task in tasks
            for place, method in enumerate(reversed(EFFECTIVENESS))
        ]

    return make


@pytest.fixture
def prune_metrics():
    keys = [(method, name) for name in ("none", "layer_l2") for method in MEASURES] + [("factor/joint", "none")]
    return [
        {"task": "negation", "seed": 1, "n": 1000, "n_importance": 200, "n_heads_total": 16}
        | {"baseline_accuracy": 0.984, "majority": 0.52}
        | {
            "rankings": [
                {"method": method, "normalise": name, "auc": 80.0, "r_star": 0.4}
                | {"nauc": None if (method, name) == ("attention", "none") else 0.625}
                for method, name in keys
            ]
        }
        | {"random": {"orders": 20, "lowest": 55.0, "highest": 66.0}}
    ]


@pytest.fixture
def prune_statistics(statistic_row):
    leads = [("lead/taylor/none", 1.5), ("lead/paper", 2.5), ("factor/joint", 0.25)]
    rows = [statistic_row(name, value) for name, value in [("auc/attribution/none", 80.0), *leads]]
    return [*rows, statistic_row("beaten/random", 0.25, spread=None, unit="share")]


@pytest.fixture
def statistic_row():
    """A row as `analyse` writes it, of one model; without an interval where `spread` is None."""

    def make(name, value, *, task="negation", spread=1.0, unit="points", **changes):
        ends = {"low": None, "high": None, "holds": None}
        if spread is not None:
            ends = {"low": value - spread, "high": value + spread, "holds": "this model"}
        known = {"label": f"the {name}", "unit": unit, "replicates": 1, "n": 1000, "error": spread, "freedom": None}
        return {"task": task, "name": name, "value": value, **ends, **known, "by_seed": [value], "why": None} | changes

    return make


@pytest.fixture
def convergence_metrics():
    def levels(*steps):
        return dict(zip(("0.01", "0.001", "0.0001"), steps, strict=True))

    auto = {"tolerance": 0.005, "error": 0.00125, "within_tolerance": 0.875, "steps_mean": 9.5}
    error = {"value": 0.0625, "low": 0.03125, "high": 0.125}
    return [
        {"task": "negation", "seed": 1, "n": 12, "reference_steps": 96, "reference_error": 1e-9}
        | {"steps_needed": {"right": levels(64, None, None), "gauss_legendre": levels(5, 8, 12)}}
        | {"auto": auto | {"pairs": 24, "unconverged": 3}}
        | {"paper": {"error": error, "kendall": 0.75}}
    ]


@pytest.fixture
def completeness_gaps():
    """Two layers of one model, as `attribute` writes them."""
    spread = {"q05": 1e-6, "q25": 1e-5, "median": 1e-4, "q75": 1e-3, "q95": 1e-2, "max": 0.125}
    model = {"task": "negation", "seed": 1}
    return [
        {**model, "layer": 0, "n": 1000, **spread, "change": 0.5, "steps": 30.5, "unconverged": 7},
        {**model, "layer": 1, "n": 1000, **dict.fromkeys(spread, 2e-8), "change": 0.25, "steps": 4.0, "unconverged": 0},
    ]


@pytest.fixture
def tree_metrics():
    def part(value):
        return {"value": value, "low": value - 0.125, "high": value + 0.125}

    values = {"sufficiency": part(0.5), "comprehensiveness": part(0.25), "faithfulness": part(-0.25)}
    arm = values | {"difference": part(0.125), "missing": 0.5, "open": values}
    scores = {name: {"median": 2.5, "q25": 1.25, "q75": 4.0, "n": 30} for name in values}
    return [
        {"task": "negation", "seed": 1, "n": 30, "tau": 0.375, "edges": part(7.25), "without_tree": 3, **values}
        | {"open": values, "reviewed": part(-0.5), "full_probability": 0.75, "without_any_edge": 0.625}
        | {"baselines": [{"arm": name, "label": label, **arm} for name, label in BASELINES.items()]}
        | {
            "random": {
                **values,
                "difference": part(0.125),
                "missing": 0.5,
                "trees": 100,
                "z": scores,
            }
        }
        | {"optimum": {"ratio": 0.875, "worst_ratio": 0.5, "reached": 0.75, "proven": 29, "n": 28}}
    ]


@pytest.fixture
def receptive_field_metrics():
    slope = {"value": 0.25, "low": -0.5, "high": 1.0}
    part = {"edges": 60, "distance": slope, "slope": slope, "within": None, "within_slope": None}
    return [{"task": "negation", "seed": 1, "n": 30, "layers": 4, **part, "with_special": part}]


@pytest.fixture
def triggers_metrics():
    """A model without a single pattern."""
    quantiles = None
    counts = {"examples": 100, "without_tokens": 90, "too_weak": 10, "repeats": 0, "patterns": 0}
    return [
        {"task": "negation", "seed": 1, "n": 150, "n_select": 60, "mined": counts, "collapsing": 0}
        | {"baseline": {"accuracy": 0.875, "per_class": {"no": {"n": 150, "accuracy": 0.875}}}}
        | {"kinds": {"mined": {"patterns": 0, "tokens_mean": None, "select_drop": quantiles}}}
        | {"drop": quantiles, "spearman": None, "strongest": [], "best": {}}
    ]


@pytest.fixture
def records(
    finetune_metrics,
    effectiveness_metrics,
    prune_metrics,
    convergence_metrics,
    tree_metrics,
    receptive_field_metrics,
    triggers_metrics,
    parameters,
):
    records = {
        "finetune": finetune_metrics,
        "effectiveness": effectiveness_metrics,
        "prune": prune_metrics,
        "convergence": convergence_metrics,
        "tree": tree_metrics,
        "receptive_field": receptive_field_metrics,
        "triggers": triggers_metrics,
        "universality": [{"method": "attribution", "normalise": "none", "pairs": []}],
    }
    return records | {"claims": []}


@pytest.fixture
def parameters(mini_params):
    """The values of a run; those of the default preset, where the tests say nothing else."""
    values = yaml.safe_load(mini_params)
    del values["run"]
    changes = {
        "model": {"source": "folder", "name": "bert & co", "dep": "some/path"},
        "finetune": {"epochs": 3},
        "prune": {"attention_pooling": "confidence"},
        "analyse": {"bootstrap_draws": 2345},
        "claims": {"equivalence_margin": 0.75},
        "convergence": {"reference_steps": 96, "top_k": 13},
    }
    return values | {name: values[name] | change for name, change in changes.items()}


@pytest.fixture
def report_context(records, effectiveness_statistics, prune_statistics, completeness_gaps, parameters):
    return ReportContext(
        title="Attribution <mini>",
        preset="mini",
        overrides=[("finetune.epochs", 6, 3), ("model.name", None, "bert & co")],
        model="BERT <small>, 4 layers of 4 heads",
        seeds=[1],
        splits={"negation": {"train": 6000, "dev": 1000, "importance": 200}},
        parameters=parameters,
        records=records,
        statistics={
            "effectiveness": effectiveness_statistics(),
            "prune": prune_statistics,
            "universality": [prune_statistics[0] | {"name": "lost/random"}],
        },
        completeness=completeness_gaps,
        figures={name: f"<svg>{name}</svg>" for name in FIGURES},
    )
