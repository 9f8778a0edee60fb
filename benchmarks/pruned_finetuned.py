"""Heads chosen by attribution beside heads chosen at random: accuracy without them, and after an epoch of fine-tuning.

Run: python -m benchmarks.pruned_finetuned    (1 thread: OMP_NUM_THREADS=1)

Budhraja et al. (EMNLP 2020) found that a random choice of heads does as well, once the pruned model is fine-tuned.
Heads are ranked and taken out of the weights, and what is left is trained, by the functions of `prune` and `export`,
with the values that the model itself was trained with. Each random order has a seed of training of its own, and
attribution's one choice is trained with all of these. The whole model, trained once more, is beside them.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from attattr.pruning import global_masks, masked_counts
from benchmarks.models import TASKS, settings
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.workloads import FULL, NAMES, PLANTED, folders
from pipeline.experiments.prune_factors import INTEGRAL
from pipeline.exporting.pruned import pruned
from pipeline.measuring.head_orders import random_rankings, untied
from pipeline.measuring.heads import largest_scores, mean_over
from pipeline.predicting.examples import Example, read_examples, subset
from pipeline.predicting.load import load_finetuned
from pipeline.predicting.predict import predict_logits
from pipeline.training.classifier import Classifier, fit
from pipeline.values.params import read_params
from pipeline.values.schema import Params

ATTRIBUTION, RANDOM = "attribution", "random"


def main() -> None:
    """Measure every task and rate, print the tables, write the results."""
    description = parser(__doc__)
    names = [name for name in NAMES if name != FULL]
    description.add_argument("--tasks", nargs="+", choices=names, default=[*PLANTED, "sst2"])
    description.add_argument("--rates", nargs="+", type=float, default=[0.5, 0.7, 0.9])
    description.add_argument("--draws", type=int, default=5, help="random orders, and seeds of training")
    description.add_argument("--train-rows", type=int, default=2000, help="examples of the one epoch, at most")
    description.add_argument("--dev-rows", type=int, help="examples whose accuracy is measured, at most")
    quick = {"tasks": ["negation"], "rates": [0.5], "draws": 3, "train_rows": 256, "dev_rows": 50}
    arguments = parse(description, quick)
    if arguments.draws < 2:
        description.error("--draws must be at least 2: one run has no spread")
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transformers_logging.disable_progress_bar()
    rows: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for name in arguments.tasks:
        found = compare(name, arguments)
        rows += found[0]
        differences += found[1]
    tables = {
        "Dev accuracy in percent; mean (smallest..largest)": table(rows),
        "Attribution minus random, in points, and standard errors": table(differences),
    }
    publish("pruned_finetuned", {"rows": rows, "differences": differences}, tables, arguments)


def compare(name: str, arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of one model: the accuracies, a row per rate and choice; and how far the choices are apart, a row per rate."""
    params = settings() if name in TASKS else read_params()
    weights, data = folders(name)
    model = load_finetuned(weights, torch.device(arguments.device))
    dev = subset(read_examples(data / "dev.parquet"), arguments.dev_rows)
    train = subset(read_examples(data / "train.parquet"), arguments.train_rows)
    progress(f"{name}: importance")
    score = partial(largest_scores, **params.attribute.model_dump(include=INTEGRAL))
    sample = read_examples(data / "importance.parquet")
    importance = mean_over(model, sample, score, token_budget=params.run.token_budget)
    orders = random_rankings(importance.shape, count=arguments.draws, seed=arguments.seed)
    choices = {ATTRIBUTION: [importance] * arguments.draws, RANDOM: [order.importance for order in orders]}
    counts = masked_counts(arguments.rates, heads=importance.numel(), rounding=params.prune.rounding)

    def measured(masks: Sequence[Tensor]) -> Tensor:
        runs = [
            trained(pruned(model, mask), train, dev, params=params, seed=arguments.seed + number)
            for number, mask in enumerate(masks)
        ]
        return torch.stack(runs, dim=1)

    progress(f"{name}: whole")
    whole = measured([torch.ones_like(importance)])
    rows, differences = [_row(name, "0%", "none", whole)], []
    for rate, count in zip(arguments.rates, counts, strict=True):
        found = {}
        for choice, ranked in choices.items():
            progress(f"{name}: {rate:.0%}, {choice}")
            masks = [global_masks(untied(one, seed=arguments.seed), [count])[0] for one in ranked]
            found[choice] = measured(masks)
            rows.append(_row(name, f"{rate:.0%}", choice, found[choice]))
        heads = f"{importance.numel() - count} of {importance.numel()}"
        before, after = (difference(found[ATTRIBUTION][when], found[RANDOM][when]) for when in (0, 1))
        differences.append(
            {"model": name, "removed": f"{rate:.0%}", "heads left": heads, "n dev": len(dev)}
            | {"before": before, "after": after}
        )
    return rows, differences


def trained(
    model: PreTrainedModel, train: Sequence[Example], dev: Sequence[Example], *, params: Params, seed: int
) -> Tensor:
    """Which dev examples `model` has right before and after an epoch, `(2, example)`; it is trained in place."""
    before = right(model, dev)
    how = {"settings": params.finetune, "epochs": 1, "seed": seed, "workers": params.run.workers}
    # Lightning's progress bar goes where the tables do not.
    with TemporaryDirectory() as checkpoints, redirect_stdout(sys.stderr):
        fit(Classifier(model, train, dev, **how), device=model.device, checkpoints=Path(checkpoints), logger=None)
    return torch.stack([before, right(model.eval(), dev)])


def right(model: PreTrainedModel, dev: Sequence[Example]) -> Tensor:
    """1 for every example whose label is predicted, `(example,)`."""
    labels = torch.tensor([example.label for example in dev])
    return (predict_logits(model, dev).argmax(dim=1) == labels).double()


def difference(ours: Tensor, other: Tensor) -> str:
    """Mean of `ours` minus that of `other`, each `(run, example)`, in points, and its standard error.

    The error holds the examples, whose differences are paired, and the runs.
    """
    paired = ours.mean(dim=0) - other.mean(dim=0)
    runs = sum(float(one.mean(dim=1).var()) / len(one) for one in (ours, other))
    error = (float(paired.var()) / len(paired) + runs) ** 0.5
    return f"{100 * float(paired.mean()):+.1f} ± {100 * error:.1f}"


def _row(name: str, removed: str, choice: str, found: Tensor) -> dict[str, Any]:
    """A row of the first table, from what is right, `(before or after, run, example)`."""
    before, after = (_spread(100 * one.mean(dim=1)) for one in found)
    own = {"model": name, "removed": removed, "choice": choice, "n dev": found.shape[2]}
    return own | {"before": before, "after": after}


def _spread(values: Tensor) -> str:
    """Mean of one number per run, and the smallest and the largest if they differ."""
    low, high = float(values.min()), float(values.max())
    return f"{float(values.mean()):.1f}" + ("" if low == high else f" ({low:.1f}..{high:.1f})")


if __name__ == "__main__":
    main()
