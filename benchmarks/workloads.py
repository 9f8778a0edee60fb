"""What is attributed: real sentences with the model that was fine-tuned on them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging

from attattr.attribution import Attribution, attribute
from attattr.examples import Example, collate
from attattr.inputs import Inputs
from benchmarks.models import ROOT, SEED, TASKS, finetuned
from benchmarks.naive import PADDED
from pipeline.predicting.examples import read_examples
from pipeline.values.paths import data_folder, model_folder

PLANTED = ("negation", "inference")
FULL = "full"
NAMES = (*TASKS, FULL, *PLANTED)


@dataclass(frozen=True)
class Workload:
    """A model and the examples it is explained for; the target is the predicted class, so that all explain the same."""

    name: str
    model: PreTrainedModel
    inputs: Inputs
    target: Tensor  # (example,)

    def __len__(self) -> int:
        return len(self.target)

    @property
    def mean_tokens(self) -> float:
        """Tokens of an example."""
        return float(self.inputs.lengths.double().mean())

    def take(self, numbers: list[int]) -> "Workload":
        """The examples `numbers`, trimmed to the longest of them."""
        index = torch.tensor(numbers, device=self.target.device)
        return replace(self, inputs=self.inputs.select(index), target=self.target[index])

    def singles(self, count: int) -> list["Workload"]:
        """The first `count` examples, each for itself."""
        return [self.take([number]) for number in range(min(count, len(self)))]

    def attribute(self, **settings: Any) -> Attribution:
        """The engine's attribution."""
        return attribute(self.model, **self.inputs.arguments(), target=self.target, **settings)


def workload(name: str, *, count: int, seed: int, device: str) -> Workload:
    """`count` seeded dev examples of a task; `full` has 128 tokens each, and the model of RTE."""
    folder, data = folders("rte" if name == FULL else name)
    examples = read_examples(data / "dev.parquet")
    chosen = _concatenated(examples, count, seed) if name == FULL else _drawn(examples, count, seed)
    logging.disable_progress_bar()
    model = AutoModelForSequenceClassification.from_pretrained(folder).to(device).eval()
    batch = collate(chosen, pad_id=model.config.pad_token_id).to(device)
    inputs = Inputs(batch.input_ids, batch.attention_mask, batch.token_type_ids)
    with torch.no_grad():
        target = model(**inputs.arguments()).logits.argmax(dim=1)
    return Workload(name, model, inputs, target)


def folders(name: str) -> tuple[Path, Path]:
    """The model's and the examples'."""
    if name not in PLANTED:
        return finetuned(name), data_folder(ROOT, name, SEED)
    folder = model_folder(Path(), name, SEED)
    if not (folder / "config.json").is_file():
        raise SystemExit(f"{folder} is missing; run: make repro")
    return folder, data_folder(Path(), name, SEED)


def _drawn(examples: list[Example], count: int, seed: int) -> list[Example]:
    """A seeded sample, in the order of `examples`."""
    return [examples[number] for number in sorted(_order(examples, seed)[:count])]


def _order(examples: list[Example], seed: int) -> list[int]:
    return torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()


def _concatenated(examples: list[Example], count: int, seed: int) -> list[Example]:
    """Pairs of segments of 128 tokens together, cut from the sentences of `examples` in a seeded order."""
    first, last = examples[0].input_ids[0], examples[0].input_ids[-1]
    words = [examples[number].input_ids[place] for number in _order(examples, seed) for place in examples[number].own]
    room = PADDED - 3
    made = []
    for number in range(count):
        text = words[number * room : (number + 1) * room]
        front, back = [first, *text[: room // 2], last], [*text[room // 2 :], last]
        segments = [[1, len(front) - 1], [len(front), len(front + back) - 1]]
        made.append(Example(f"{FULL}-{number}", front + back, [0] * len(front) + [1] * len(back), 0, segments))
    return made
