"""A classifier's logits, each example once and in the given order."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.batching import default_token_budget
from pipeline.attattr.prefix import frozen
from pipeline.data.examples import Batch, Example, collate, length_batches
from pipeline.errors import InputError


def forward(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Logits `(batch, classes)`."""
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    if "token_type_ids" in batch_arguments(model):
        inputs["token_type_ids"] = batch.token_type_ids
    return model(**inputs).logits


def batch_arguments(model: PreTrainedModel) -> set[str]:
    """The tensors of a batch that the model takes; RoBERTa and DistilBERT know no second segment."""
    taken = {"input_ids", "attention_mask"}
    return taken | {"token_type_ids"} if getattr(model.config, "type_vocab_size", 0) > 1 else taken


@torch.no_grad()
def predict_logits(model: PreTrainedModel, examples: Sequence[Example], *, token_budget: int | None = None) -> Tensor:
    """Float32 logits `(example, classes)` on the CPU, in the order of `examples`; the model is left as it was.

    Raises InputError naming the first example whose logits are not finite.
    """
    budget = token_budget or default_token_budget(model.device)
    place = {example.example_id: number for number, example in enumerate(examples)}
    logits = torch.full((len(examples), model.config.num_labels), torch.nan)
    with frozen(model):
        for group in length_batches(examples, token_budget=budget):
            batch = collate(group, pad_id=model.config.pad_token_id or 0).to(model.device)
            logits[[place[example_id] for example_id in batch.example_ids]] = forward(model, batch).float().cpu()
    check_finite(logits, [example.example_id for example in examples])
    return logits


def check_finite(logits: Tensor, example_ids: Sequence[str]) -> None:
    """Raise InputError naming the first example whose logits are not finite."""
    bad = (~logits.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if bad:
        raise InputError(f"the model's logits for example {example_ids[bad[0]]} are not finite: check its weights")
