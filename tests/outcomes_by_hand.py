"""Outcomes of a small run, as the measuring stages write them, whose statistics are known by hand.

Two examples of each class, two layers of two heads. `seed` is 1 or 2, and changes one number of every experiment.
"""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analysis.keys import Key
from pipeline.analysis.quantities import Tree
from pipeline.values.columns import KEPT
from pipeline.values.edge_methods import EDGE_METHODS
from pipeline.values.long import to_columns
from pipeline.values.paths import (
    attributions_folder,
    data_folder,
    experiment_folder,
    planted_paths_folder,
    predictions_file,
)
from pipeline.values.store import write_columns, write_csv, write_json, write_rows
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()

LABELS = np.array([0, 0, 1, 1])
EXAMPLES = [{"example_id": f"dev-{number}", "label": label} for number, label in enumerate(LABELS.tolist())]
RATES = [{"rate": 0.0, "n_masked": 0}, {"rate": 0.5, "n_masked": 2}, {"rate": 1.0, "n_masked": 4}]
MAPS = (*EDGE_METHODS, "random")
IMPORTANCE = {"negation": [[1.0, 2.0], [3.0, 4.0]], "inference": [[4.0, 3.0], [2.0, 1.0]]}


def predicted(*hits: str) -> Any:
    """Classes `(row, example)` that are right where there is a 1."""
    return np.array([np.where([mark == "1" for mark in row], LABELS, 1 - LABELS) for row in hits]).astype(np.int16)


def write_model(root: Path, task: str, seed: int) -> None:
    """Everything that `analyse` reads of one model."""
    place = {"root": root, "task": task, "seed": seed}
    for write in (
        _finetune,
        _attribute,
        _effectiveness,
        _prune,
        _universality,
        _tree,
        _edges,
        _triggers,
        _convergence,
        _truth,
        _shortcut,
        _planted_paths,
    ):
        write(**place)


def _finetune(root: Path, task: str, seed: int) -> None:
    write_json(data_folder(root, task, seed) / "prepare.json", {"examples": {"train": 9, "dev": 4, "importance": 7}})
    (classes,) = predicted("1110" if seed == 1 else "1010").tolist()
    rows = [example | {"predicted": named} for example, named in zip(EXAMPLES, classes, strict=True)]
    write_rows(predictions_file(root, task, seed), rows)


def _attribute(root: Path, task: str, seed: int) -> None:
    def row(split: str, target: str, gaps: list[float], steps: list[int], *, short: bool) -> dict[str, Any]:
        estimates = {"steps": steps, "unconverged": [False, short], "completeness_gap": gaps}
        return {"split": split, "example_id": "x", "target": target, "n": 6, "output_change": [1.0, -1.0], **estimates}

    rows = [
        row("dev", "predicted", [-0.25 * seed, 0.0], [4, 8], short=False),
        row("dev", "predicted", [0.0, 0.25 * seed], [4, 64], short=True),
        row("dev", "gold", [9.0, 9.0], [99, 99], short=False),
        row("mine", "predicted", [9.0, 9.0], [99, 99], short=True),
    ]
    write_rows(attributions_folder(root, task, seed) / "outcomes.parquet", rows)


def _effectiveness(root: Path, task: str, seed: int) -> None:
    curves = {
        ("attribution_predicted", "lowest_first"): ("1110", "1110", "1100"),
        ("attribution_predicted", "highest_first"): ("1110", "1000" if seed == 1 else "1100", "1100"),
        ("attention_max", "lowest_first"): ("1110", "1100", "1100"),
        ("attention_max", "highest_first"): ("1110", "1100", "1100"),
    }
    axes = (
        [{"method": method, "direction": direction} for method, direction in curves],
        [{"k": k} for k in range(3)],
        EXAMPLES,
    )
    columns = to_columns(axes, predicted=np.stack([predicted(*hits) for hits in curves.values()]))
    write_columns(experiment_folder(root, "effectiveness", task, seed) / "outcomes.parquet", columns)


def _prune(root: Path, task: str, seed: int) -> None:
    curves = {
        ("attribution", 0): ("1110", "1110", "1000"),
        ("taylor", 0): ("1110", "1000" if seed == 1 else "1100", "1000"),
        ("factor/sum", 0): ("1110", "1100", "1000"),
        ("random", 0): ("1110", "0000", "1000"),
        ("random", 1): ("1110", "1000", "1000"),
    }
    orders = [{"method": method, "normalise": "none", "order": order} for method, order in curves]
    columns = to_columns((orders, RATES, EXAMPLES), predicted=np.stack([predicted(*hits) for hits in curves.values()]))
    folder = experiment_folder(root, "prune", task, seed)
    write_columns(folder / "outcomes.parquet", columns)
    rows = [
        {"task": task, "seed": seed, "method": "attribution", "normalise": "none"}
        | {"layer": layer, "head": head, "importance": value}
        for layer, heads in enumerate(IMPORTANCE[task])
        for head, value in enumerate(heads)
    ]
    write_csv(folder / "importance.csv", rows)


def _universality(root: Path, task: str, seed: int) -> None:
    own, foreign = ("1110", "1110", "1000"), ("1110", "1000" if seed == 1 else "1100", "1000")
    curves = {(ranking, 0): own if ranking == task else foreign for ranking in IMPORTANCE}
    curves |= {("same_task", 0): ("1110", "1100", "1000")}
    curves |= {("random", 0): ("1110", "0000", "1000"), ("random", 1): ("1110", "1000", "1000")}
    rankings = [{"ranking": ranking, "order": order} for ranking, order in curves]
    classes = np.stack([predicted(*hits) for hits in curves.values()])
    columns = to_columns((rankings, RATES, EXAMPLES), predicted=classes)
    write_columns(experiment_folder(root, "universality", task, seed) / "outcomes.parquet", columns)


def _tree(root: Path, task: str, seed: int) -> None:
    def row(example: str, arm: str, only: float, without: float, **facts: Any) -> dict[str, Any]:
        known = {"tau": 0.4, "open": False, "edges": 2, "missing": 0, "objective": None, "proven": None, "full": 1.0}
        return {"example_id": example, "arm": arm, **known, "only": only, "without": without} | facts

    rows, shares = [], []
    for number, example in enumerate(("dev-0", "dev-1")):
        # Without any edge 0.25 is left on average: 0.75 is there to recover.
        rows += [row(example, "tree", 0.5 + 0.125 * seed, 0.25 / seed, objective=1.0, tau=tau) for tau in (0.4, 0.5)]
        rows += [row(example, arm, 0.5, 0.5, objective=2.0, proven=True) for arm in Tree.BASELINES]
        rows += [row(example, arm, 0.75, 0.25, open=True) for arm in ("tree", *Tree.BASELINES)]
        left = 0.21875 + 0.0625 * number
        rows += [row(example, "nothing", left, 1.0, edges=0, open=is_open) for is_open in (False, True)]
        rows += [row(example, "random", only, 0.5, tau=tau) for tau in (0.4, 0.5) for only in (0.25, 0.5)]
        shares += [
            {"example_id": example, "full": 1.0, "map": name, "share": share, "only": only}
            for name in MAPS
            for share, only in ((0.01, 0.25), (0.1, 0.5 if name == "attribution" else 0.25), (1.0, 1.0))
        ]
    folder = experiment_folder(root, "tree", task, seed)
    write_rows(folder / "outcomes.parquet", rows)
    write_rows(folder / "shares.parquet", shares)
    write_json(folder / "trees.json", {"examples": 4, "rootless": 1, "trees": []})


def _edges(root: Path, task: str, seed: int) -> None:
    def edge(example: str, layer: int, query: int, key: int, **facts: bool) -> dict[str, Any]:
        row = {"example_id": example, "query": query, "key": key, "layer": layer, "value": 0.5}
        return row | dict.fromkeys(("terminal", "special", "cross"), False) | {"pair": True} | facts

    rows = [
        edge("dev-0", 1, 2, 4 + 2 * seed, cross=True),
        edge("dev-0", 0, 6, 5),
        edge("dev-0", 3, 0, 2, terminal=True, special=True),
        edge("dev-1", 1, 1 + 2 * seed, 1),
        edge("dev-1", 0, 3, 0, special=True),
        edge("dev-1", 3, 0, 3, terminal=True, special=True),
    ]
    write_rows(experiment_folder(root, "tree", task, seed) / "edges.parquet", rows)


def _triggers(root: Path, task: str, seed: int) -> None:
    def trigger(kind: str, rank: int, token: str, strength: float | None) -> dict[str, Any]:
        return {"kind": kind, "rank": rank, "tokens": [token], "ids": [7], "segments": [0], "positions": [0.5]} | {
            "strength": strength,
            "class": TASKS[task].labels[0],
            "example_id": "train-7",
        }

    # Without any trigger, with both mined ones, and with the random one.
    hits = ("1110", "1000" if seed == 1 else "1110", "1100", "1110")
    columns = [
        to_columns(([{"sample": sample, "trigger": n} for n in range(-1, 3)], EXAMPLES), predicted=predicted(*hits))
        for sample in ("select", "dev")
    ]
    folder = experiment_folder(root, "triggers", task, seed)
    rows = [trigger("mined", 0, "a", 0.75), trigger("mined", 1, "b", 0.5), trigger("random", 0, "c", None)]
    write_rows(folder / "triggers.parquet", rows)
    write_json(folder / "mined.json", {"examples": 5, "patterns": 2})
    write_columns(
        folder / "outcomes.parquet", {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
    )


def _convergence(root: Path, task: str, seed: int) -> None:
    def row(example: str, rule: str, steps: int, error: float, **facts: float) -> dict[str, Any]:
        measured = {"error": error, "size": 1.0, "gap": 0.0, "jaccard": 1.0, "kendall": 0.5, "unconverged": False}
        return {"example_id": example, "layer": 0, "rule": rule, "steps": steps, **measured, **facts}

    grid = (("reference", 128, 0.0), ("judge", 32, 0.0), ("right", 20, 0.25), ("right", 64, 0.0), ("auto", 8, 0.0))
    folder = experiment_folder(root, "convergence", task, seed)
    write_rows(folder / "outcomes.parquet", [row(name, *values) for name in ("dev-0", "dev-1") for values in grid])
    # Of the second example the right rule is within 5 % in the first model only.
    rows = [
        row("dev-2", "reference", 32, 0.0, size=3.25),
        row("dev-2", "right", 20, 0.0, size=3.25, kendall=1.0),
        row("dev-2", "left", 20, 0.25, size=3.25),
        row("dev-0", "reference", 256, 0.03125, size=3.0, unconverged=True),
        row("dev-0", "right", 20, 0.0625 * seed, size=3.0),
        row("dev-0", "left", 20, 0.375, size=3.0),
    ]
    write_rows(folder / "judged.parquet", rows)


def _truth(root: Path, task: str, seed: int) -> None:
    """Attribution is ahead of attention for single pairs, and in the first model behind it for groups."""
    agreement = {"precision": 0.5, "spearman": 0.25, "average_precision": 0.75}
    aurocs = {"attribution": (1.0, 0.75), "attention": (0.5, 0.25 * seed)}
    rows = [
        {"example_id": name, "level": "pairs", "method": method, "auroc": auroc, **agreement}
        for place, name in enumerate(("dev-0", "dev-1"))
        for method, values in aurocs.items()
        for auroc in [values[place]]
    ]
    groups = [
        {"example_id": name, "method": method, "size": size, "lost": size * lost}
        for name in ("dev-0", "dev-1")
        for method, lost in (("attribution", 0.5), ("attention", 1.0 / seed))
        for size in (1, 5)
    ]
    folder = experiment_folder(root, "truth", task, seed)
    write_rows(folder / "outcomes.parquet", rows)
    write_rows(folder / "groups.parquet", groups)
    randomised = [
        {"example_id": name, "method": method, "shuffled": number, "spearman": value / number}
        for name in ("dev-0", "dev-1")
        for method, value in (("attribution", 0.25 * seed), ("attention", 1.0))
        for number in (1, 2)
    ]
    write_rows(folder / "randomised.parquet", randomised)
    # By the last of four pairs the effects of the first model are those of attribution.
    scores = {name: [0.5, -0.25, 0.0, 1.0] for name in KEPT}
    pairs = [{"example_id": name, "effect": [0.5, 0.25, 0.0, 1.0 / seed], **scores} for name in ("dev-0", "dev-1")]
    write_rows(folder / "pairs.parquet", pairs)


def _shortcut(root: Path, task: str, seed: int) -> None:
    """Attribution names the word first in both examples, attention in as many as the seed says."""
    firsts = {"attribution": (True, True), "attention": (seed == 2, True)}
    rows = [
        {"example_id": name, "method": method, "rank": 1 if first else 3, "tokens": 4, "first": first, "brought": 0.5}
        for place, name in enumerate(("dev-2", "dev-3"))
        for method, of in firsts.items()
        for first in [of[place]]
    ]
    folder = experiment_folder(root, "shortcut", task, seed)
    write_rows(folder / "found.parquet", rows)
    write_json(folder / "word.json", {"word": "wug", "decoys": ["dax"], "rows": 9})
    orders = [{"method": "attribution", "order": 0}, *({"method": "random", "order": order} for order in (0, 1))]
    # With all heads the word decides, without the fifth that attribution names it does not.
    hits = {
        "plain": (("1110", "1100"), ("1110", "1110"), ("1110", "1000")),
        "given": (("1111", "1100"), ("1111", "1111"), ("1111", "1111")),
        "turned": (("1000", "1110"), ("1000", "1000"), ("1000", "1010")),
    }
    columns = [
        to_columns(
            (orders, [{"rate": 0.0}, {"rate": 0.2}], [{"rows": kind, **example} for example in EXAMPLES]),
            predicted=np.stack([predicted(*of) for of in curves]),
        )
        for kind, curves in hits.items()
    ]
    write_columns(
        folder / "outcomes.parquet", {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    )


def _planted_paths(root: Path, task: str, seed: int) -> None:
    """The same whatever the task: the stage has none."""
    del task
    known = {"design": "one path", "example_id": "dev-0"}
    folder = planted_paths_folder(root, seed)
    aurocs = {"attribution": 1.0, "attention": 0.5 * seed}
    rows = [known | {"method": method, "auroc": auroc, "precision": 0.5} for method, auroc in aurocs.items()]
    write_rows(folder / "outcomes.parquet", [row | {"example_id": name} for name in ("dev-0", "dev-1") for row in rows])
    losses = [known | {"output": output, "single": 0.25, "together": 0.5} for output in ("probability", "margin")]
    # The second example's effects differ, so that the ratio's interval is one.
    more = [row | {"example_id": "dev-1", "together": 0.75} for row in losses]
    write_rows(folder / "losses.parquet", losses + more)
    edges = [
        known | {"method": method, "layer": layer, "query": 0, "key": key, "carries": key == 1, "score": 0.5 * key}
        for method in ("knock_out", "attribution", "gradient_x_attention", "attention")
        for layer in (0, 1)
        for key in (1, 2)
    ]
    write_rows(folder / "edges.parquet", edges)
    write_json(folder / "models.json", {"models": [{"design": "one path", "n": 2, "correct": 3 - seed}]})


def with_texts(measures):
    """The same function, with what it finds by the keys' texts instead of the keys."""

    def by_text(*arguments, **options):
        return {key.text: one for key, one in measures(*arguments, **options).items()}

    return by_text


def key(text, experiment="prune"):
    """A key that no quantity needs to have."""
    return Key(experiment, text, {})
