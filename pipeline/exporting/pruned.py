"""A model whose weights lack the heads that a mask removes (docs/method.md, "Pruned models")."""

import copy
import re

from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import check_kept_heads, head_count
from attattr.errors import AttributionError
from pipeline.exporting import modeling_pruned

CLASSES = {
    "bert": modeling_pruned.PrunedBertForSequenceClassification,
    "roberta": modeling_pruned.PrunedRobertaForSequenceClassification,
    "electra": modeling_pruned.PrunedElectraForSequenceClassification,
    "camembert": modeling_pruned.PrunedCamembertForSequenceClassification,
    "xlm-roberta": modeling_pruned.PrunedXLMRobertaForSequenceClassification,
    "distilbert": modeling_pruned.PrunedDistilBertForSequenceClassification,
}
# The projections of one layer's attention: its number, and which.
READING = re.compile(r"\.layer\.(\d+)\.attention\.(?:self\.query|self\.key|self\.value|q_lin|k_lin|v_lin)\.")
WRITING = re.compile(r"\.layer\.(\d+)\.attention\.(?:output\.dense|out_lin)\.weight$")


def pruned(model: PreTrainedModel, head_mask: Tensor) -> PreTrainedModel:
    """A copy of `model` without the heads for which `head_mask` `(layer, head)` is 0: smaller, faster, the same logits.

    Its logits are those under `masked_heads`, up to rounding. `save_pretrained` writes, beside weights and config, the
    few lines of code by which AutoModelForSequenceClassification opens them (`trust_remote_code=True`).

    Raises:
        AttributionError: for a mask that is none, and for a family whose layers cannot have different numbers of heads.
    """
    check_kept_heads(model, head_mask)
    family = model.config.model_type
    if family not in CLASSES:
        raise AttributionError(f"heads of {family} cannot be taken out of its weights: {', '.join(CLASSES)} can")
    if getattr(model.config, "kept_heads", None) is not None:
        raise AttributionError("heads of this model have been taken out already: start from the whole model")
    config, width = copy.deepcopy(model.config), model.config.hidden_size // head_count(model)
    config.kept_heads = [row.nonzero()[:, 0].tolist() for row in head_mask]
    config.architectures = [CLASSES[family].__name__]
    result = CLASSES[family](config)
    columns = head_mask.bool().repeat_interleave(width, dim=1)
    # Projections of a layer that has no heads any more are not among them.
    shapes = result.state_dict()
    weights = {name: _kept(name, weights, columns) for name, weights in model.state_dict().items() if name in shapes}
    result.load_state_dict(weights)
    # So that saving copies the code.
    CLASSES[family].register_for_auto_class("AutoModelForSequenceClassification")
    return result.to(device=model.device, dtype=model.dtype).eval()


def _kept(name: str, weights: Tensor, columns: Tensor) -> Tensor:
    """What is left of a parameter, by the columns of the context that are."""
    if found := READING.search(name):
        return weights[columns[int(found[1])].to(weights.device)]
    if found := WRITING.search(name):
        return weights[:, columns[int(found[1])].to(weights.device)]
    return weights
