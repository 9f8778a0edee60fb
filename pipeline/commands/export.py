"""Save a fine-tuned model without its least important heads.

As a folder that transformers opens. Heads are ranked by a method of the stage `prune`, whose outputs this reads. The
logits are compared with the masked model's before anything is written. The folder holds the few lines of code by which
layers may have different numbers of heads, and a README.md that says what was removed and how to open it; `explain`
opens it, too.

Run: python -m pipeline.commands.export --task sst2 --seed 1 --method attribution --rate 0.5 OUT
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path
from pipeline.values.paths import data_folder, model_folder
from pipeline.values.targets import check_new_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.examples import Example
    from pipeline.values.schema import Params

SAME = 1e-5  # what the logits may differ by, relative to the largest


def main(arguments: list[str] | None = None) -> None:
    """Rank, remove, compare, write, and say what it came to."""
    parser = command_parser("export", __doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--seed", type=int, default=1, help="of the model; default 1")
    parser.add_argument("--method", default="attribution", help="of prune, or random; default attribution")
    parser.add_argument("--normalise", default="none", help="none or layer_l2; default none")
    parser.add_argument("--rate", type=float, required=True, help="share of heads to remove, 0 to 1")
    parser.add_argument("--epochs", type=int, default=0, help="of fine-tuning afterwards; default 0")
    parser.add_argument("out", type=given_path, metavar="OUT", help="a folder that is not there yet")
    run_command(parser, _rank_and_export, arguments)


def _rank_and_export(options: argparse.Namespace) -> None:
    if not 0 <= options.rate <= 1:
        raise InputError(f"--rate is {options.rate}, but must lie between 0 and 1")
    from pipeline.values.fields import MOST_REPEATS
    from pipeline.values.params import read_params

    if not 0 <= options.epochs <= MOST_REPEATS:
        raise InputError(f"--epochs is {options.epochs}, but must be at least 0 and at most {MOST_REPEATS}")
    check_new_folder(options.out)
    params = read_params()
    ranked = _importance(options.task, options.seed, options.method, options.normalise, params)
    _export(params, options, ranked, options.out)


def _importance(task: str, seed: int, method: str, normalise: str, params: Params) -> Tensor:
    """Importance `(layer, head)` as the stage `prune` wrote it, or one of its random orders."""
    from pipeline.values.importance import read_importance

    if task not in params.tasks or seed not in params.seeds:
        has = f"{', '.join(params.tasks)}, seeds {', '.join(map(str, params.seeds))}"
        raise InputError(f"there is no model of {task}, seed {seed}: this run has {has}")
    wanted = next(name for name in params.prune.methods if name != "random") if method == "random" else method
    stored = read_importance(Path(), task, seed, method=wanted, normalise=normalise)
    import torch  # takes seconds

    from pipeline.measuring.head_orders import random_rankings

    values = torch.from_numpy(stored)
    return random_rankings(values.shape, count=1, seed=seed)[0].importance if method == "random" else values


def _export(params: Params, options: argparse.Namespace, importance: Tensor, out: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from attattr import masked_heads
    from attattr.pruning import global_masks, masked_counts
    from pipeline.exporting.card import Measured, model_card
    from pipeline.exporting.pruned import pruned
    from pipeline.measuring.head_orders import untied
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.predicting.predict import predict_logits
    from pipeline.training.save import save
    from pipeline.values.store import replace

    task, seed, heads = options.task, options.seed, importance.numel()
    (count,) = masked_counts([options.rate], heads=heads, rounding=params.prune.rounding)
    (mask,) = global_masks(untied(importance, seed=seed), [count])
    weights, data = model_folder(Path(), task, seed), data_folder(Path(), task, seed)
    model = load_finetuned(weights, device_for(params.run.trainer))
    dev = subset(read_examples(data / "dev.parquet"), params.prune.n_eval)
    small = pruned(model, mask)
    before = predict_logits(model, dev)
    masked = predict_logits(masked_heads(model, mask), dev)
    logits = predict_logits(small, dev)
    apart = float((logits - masked).abs().max() / masked.abs().max())
    if apart > SAME:
        raise RuntimeError(f"logits are {apart:.2g} of the largest from the masked model's: nothing was written")
    labels = torch.tensor([example.label for example in dev])
    lines = [("whole", model, before), ("pruned", small, logits)]
    if options.epochs:
        lines.append(("fine-tuned", *_finetuned(params, options, small, dev)))
    models = [
        Measured(
            name,
            sum(parameter.numel() for parameter in one.parameters()),
            float((found.argmax(dim=1) == labels).double().mean()),
        )
        for name, one, found in lines
    ]
    save(small.cpu(), AutoTokenizer.from_pretrained(weights), out)
    about = {"source": f"of {task}, seed {seed} (preset {params.preset})", "method": options.method, "n": len(dev)}
    kept = {"kept": small.config.kept_heads, "heads": mask.shape[1]}
    replace(out / "README.md", model_card(out.name, **about, **kept, models=models).encode())
    sys.stdout.write(f"{heads - count} of {heads} heads, {options.method}; {len(dev)} dev examples\n")
    for one in models:
        accuracy = 100 * one.accuracy
        sys.stdout.write(f"{one.name:<11} {one.parameters / 1e6:8.2f} M parameters   accuracy {accuracy:5.1f} %\n")
    sys.stdout.write(f"{out}: open it as its README.md says\n")


def _finetuned(
    params: Params, options: argparse.Namespace, model: PreTrainedModel, dev: Sequence[Example]
) -> tuple[PreTrainedModel, Tensor]:
    """The model after some epochs of training as `finetune` does it, and its logits."""
    from pipeline.launch.unfinished import Unfinished
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.predict import predict_logits
    from pipeline.training.classifier import fine_tune

    train = read_examples(data_folder(Path(), options.task, options.seed) / "train.parquet")
    how = {"settings": params.finetune, "epochs": options.epochs, "seed": options.seed}
    with TemporaryDirectory() as checkpoints:
        work = Unfinished(Path(checkpoints), "")
        where = {"device": model.device, "workers": params.run.workers, "checkpoints": work}
        fine_tune(model, train, dev, **how, **where)
    return model, predict_logits(model, dev)


if __name__ == "__main__":
    main()
