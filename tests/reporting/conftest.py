"""Curves and metrics as the stages write them, with made-up numbers."""

import numpy as np
import pandas as pd
import pytest
import yaml
from outcomes_by_hand import key

from pipeline.analysis.claims import judge
from pipeline.analysis.intervals import wilson_interval
from pipeline.analysis.quantities import Tree
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import Least, Mean, MeanOfThese, statistics
from pipeline.reporting.blocks import ReportContext

N = 200
FIGURES = (
    "effectiveness",
    "effectiveness_areas",
    "pruning",
    "heatmap_negation",
    "trees_negation",
    "recovered",
    "edges",
    "receptive_field",
    "triggers",
    "convergence",
    "completeness",
    "truth",
    "truth_precision",
    "truth_groups",
    "randomised",
    "planted_paths",
    "planted_example",
    "shortcut",
    "shortcut_pruned",
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
def finetune_statistics():
    known = {"task": "negation", "name": "accuracy/dev", "label": "dev accuracy", "unit": "%", "holds": "this model"}
    value = {"value": 98.5, "low": 97.5, "high": 99.5, "error": 0.5, "replicates": 1, "n": 1000}
    return [known | value | {"by_seed": [98.5], "why": None}]


@pytest.fixture
def convergence_statistics(finetune_statistics):
    return [
        finetune_statistics[0] | {"name": f"{name}/{rule}-20", "label": f"{label}, 20 {rule} steps", "n": 128}
        for rule in ("right", "left")
        for name, label in (("within", "examples within 5 % edge error"), ("error", "edge error"))
    ]


@pytest.fixture
def truth_statistics(finetune_statistics):
    return [
        finetune_statistics[0] | {"name": name, "label": f"the {name}", "unit": "share", "value": value, "n": 10}
        for name, value in (
            ("auroc/pairs/attribution", 0.75),
            ("auroc/pairs/gradient_x_attention", 0.875),
            ("auroc/pairs/attribution-gradient_x_attention", -0.125),
            ("average_precision/pairs/attribution", 0.375),
            ("lost/attribution", 2.5),
            ("lost/gradient_x_attention", 1.5),
            ("randomised/attribution", 0.0625),
        )
    ]


@pytest.fixture
def planted_statistics(finetune_statistics):
    return [
        finetune_statistics[0]
        | {"task": "one path", "name": name, "label": f"the {name}", "unit": "share", "value": value, "n": 10}
        for name, value in (("auroc/attribution", 0.75), ("auroc/attention", 0.625), ("single/margin", 0.25))
    ]


@pytest.fixture
def shortcut_statistics(finetune_statistics):
    return [
        finetune_statistics[0] | {"name": name, "label": f"the {name}", "unit": "share", "value": value, "n": 10}
        for name, value in (
            ("first/attribution", 0.25),
            ("first/attention", 0.5),
            ("first/attribution-attention", -0.25),
            ("relied", 0.75),
            ("first/attribution-chance", 0.125),
            ("regained/attribution", 0.125),
        )
    ]


@pytest.fixture
def effectiveness_metrics():
    return [{"task": "negation", "seed": 1, "n": 1000, "n_heads": 4, "baseline_accuracy": 0.984}]


@pytest.fixture
def effectiveness_statistics():
    def make(*, tasks=("negation",), seeds=1):
        known = {"unit": "points", "holds": "this model", "error": 1.0, "n": 1000, "why": None}
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
        return statistic(name, value, unit, task=task, label=f"the {name}", spread=spread, n=1000) | changes

    return make


@pytest.fixture
def convergence_metrics():
    def levels(*steps):
        return dict(zip(("0.01", "0.001", "0.0001"), steps, strict=True))

    auto = {"tolerance": 0.005, "error": 0.00125, "within_tolerance": 0.875, "steps_mean": 9.5}
    judged = {"n": 128, "unconverged": 9, "decided_by_doubt": 2, "doubt": 0.0025, "largest_doubt": 0.0625}
    return [
        {"task": "negation", "seed": 1, "n": 12, "reference_steps": 96, "reference_error": 1e-9, "judge_error": 1e-6}
        | {"steps_needed": {"right": levels(64, None, None), "gauss_legendre": levels(5, 8, 12)}}
        | {"auto": auto | {"pairs": 24, "unconverged": 3}, "judged": judged}
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
    return [
        {"task": "negation", "seed": 1, "n": 30, "tau": 0.375, "edges": 7.25, "without_tree": 3}
        | {"full_probability": 0.75, "tree_probability": 0.5, "without_any_edge": 0.375}
        | {"optimum": {"ratio": 0.875, "worst_ratio": 0.5, "reached": 0.75, "proven": 29, "n": 28}}
    ]


def statistic(name, value, unit, *, task="negation", label=None, spread=0.125, n=30):
    """A row as `Statistic.record` makes it, of one model; without an interval where `spread` is None."""
    ends = {} if spread is None else {"low": value - spread, "high": value + spread, "holds": "this model"}
    return (
        {"task": task, "name": name, "label": label or name, "unit": unit, "value": value, "low": None, "high": None}
        | {"holds": None, "error": None, "replicates": 1, "n": n, "by_seed": [value], "why": None}
        | ends
    )


@pytest.fixture
def tree_statistics():
    names = ["recovered/tree", "recovered/random", "recovered/tree-random", "comprehensiveness/tree", "open/tree"]
    for arm in Tree.BASELINES:
        names += [f"recovered/{arm}-tree", f"open/{arm}-tree"]
    names += ["excess/0.4", "excess/0.5", "excess/0.5-0.4"]
    names += [f"edge_area/{name}" for name in ("attribution", "attention", "random")]
    knee = statistic("knee", 0.3, "τ", label="threshold with the largest excess", spread=None, n=None)
    return [*(statistic(name, 0.25, "share") for name in names), knee]


@pytest.fixture
def receptive_field_metrics():
    return [{"task": "negation", "seed": 1, "n": 30, "layers": 4, "edges": 60, "edges_with_special": 64}]


@pytest.fixture
def receptive_field_statistics():
    return [statistic(name, 0.25, "tokens", spread=None, n=None) for name in ("distance", "growth")]


@pytest.fixture
def triggers_metrics():
    """A model without a single pattern."""
    counts = {"examples": 100, "without_tokens": 90, "too_weak": 10, "repeats": 0, "patterns": 0}
    return [
        {"task": "negation", "seed": 1, "n": 150, "n_select": 60, "mined": counts, "strongest": [], "best": []}
        | {"baseline": {"accuracy": 0.875, "per_class": {"no": {"n": 150, "accuracy": 0.875}}}}
        | {"kinds": {"mined": {"patterns": 0, "tokens_mean": None, "collapsing": 0}}}
    ]


@pytest.fixture
def judged():
    """`judged(seeds)`: the claims of `rules.yaml`, of which a run of so many seeds has P1 and P4a on one task."""

    def make(seeds):
        generator = np.random.default_rng(0)
        spread = generator.normal(size=(seeds, 400))
        within = [
            {key("within/right-20", "convergence"): MeanOfThese("within 5 %", "%", 100.0 * (row > -1), step=100)}
            | {key("least/right-20", "convergence"): Least("of the least", "%", 100.0 * (row > -1), step=100)}
            for row in spread
        ]
        lead = [{key("lead/taylor/none"): Mean("AUC minus Taylor's", "points", 3 + row)} for row in spread]
        found = {"convergence": statistics("negation", within), "prune": statistics("negation", lead)}
        return judge(read_rules(), found, weak={}, seeds={"negation": range(1, seeds + 1)})

    return make


@pytest.fixture
def records(
    finetune_metrics,
    effectiveness_metrics,
    prune_metrics,
    convergence_metrics,
    tree_metrics,
    receptive_field_metrics,
    triggers_metrics,
    judged,
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
        "planted_paths": [{"task": "one path", "seed": 1, "n": 10, "correct": 9}],
        "shortcut": [{"task": "negation", "seed": 1, "word": "wug", "decoys": ["dax", "fep"], "rows": 9, "n": 10}],
    }
    return records | {"claims": judged(1)}


@pytest.fixture
def parameters(mini_params):
    """The values of a run; those of the default preset, where the tests say nothing else."""
    values = yaml.safe_load(mini_params)
    del values["run"]
    changes = {
        "model": {"source": "folder", "name": "bert & co", "dep": "some/path"},
        "finetune": {"epochs": 3},
        "prune": {"attention_pooling": "confidence"},
        "analyse": {"best_triggers": 7},
        "convergence": {"reference_steps": 96, "top_k": 13},
    }
    return values | {name: values[name] | change for name, change in changes.items()}


@pytest.fixture
def report_context(
    records,
    finetune_statistics,
    effectiveness_statistics,
    prune_statistics,
    tree_statistics,
    receptive_field_statistics,
    convergence_statistics,
    truth_statistics,
    planted_statistics,
    shortcut_statistics,
    completeness_gaps,
    parameters,
):
    return ReportContext(
        title="Attribution <mini>",
        made="commit 0a1b2c3 of 2026-12-01",
        preset="mini",
        overrides=[("finetune.epochs", 6, 3), ("model.name", None, "bert & co")],
        model="BERT <small>, 4 layers of 4 heads",
        seeds=[1],
        splits={"negation": {"train": 6000, "dev": 1000, "importance": 200}},
        parameters=parameters,
        records=records,
        statistics={
            "finetune": finetune_statistics,
            "effectiveness": effectiveness_statistics(),
            "prune": prune_statistics,
            "universality": [prune_statistics[0] | {"name": "lost/random"}],
            "tree": tree_statistics,
            "receptive_field": receptive_field_statistics,
            "triggers": [],
            "convergence": convergence_statistics,
            "truth": truth_statistics,
            "planted_paths": planted_statistics,
            "shortcut": shortcut_statistics,
        },
        completeness=completeness_gaps,
        figures={name: f'<svg width="36pt" height="18.6pt">{name}</svg>' for name in FIGURES},
    )
