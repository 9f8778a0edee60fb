"""The claims table, and the table of choices that the paper leaves open."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.analysis.claims import Claim
from pipeline.reporting.table_text import Row


def claim_rows(claims: Sequence[Claim]) -> list[Row]:
    """One row per claim, model and statistic."""
    return [
        {"claim": claim.id, "statement": claim.statement, "task": claim.task or "all", "seed": claim.seed}
        | {"n": claim.n, "statistic": claim.statistic, "value": claim.value, "paper": claim.paper}
        | {"rule": claim.rule, "verdict": claim.verdict}
        for claim in claims
    ]


class Choice(NamedTuple):
    """One thing that a reproduction has to decide; empty where a source does not say or it is not known to us."""

    name: str
    paper: str
    released_code: str
    keys: tuple[str, ...]  # the values of params.yaml that decide it here
    note: str = ""


CHOICES = (
    Choice("model", "BERT-base†, 12 layers × 12 heads", "BERT-base-cased", ("model.name", "model.layers", "model.heads")),
    Choice("longest input, tokens", "", "128, all padded to it", ("prepare.max_length",), "no padding beyond the batch"),
    Choice("optimiser", "", "BertAdam, no bias correction", (), "AdamW with bias correction"),
    Choice("weight decay, clipping", "", "0.01, 1", ("finetune.weight_decay", "finetune.clip")),
    Choice(
        "learning rate, batch, epochs, warm-up", "", "5e-5, 32, 3, 10 %",
        ("finetune.lr", "finetune.batch_size", "finetune.epochs", "finetune.epochs_for", "finetune.warmup"),
    ),
    Choice(
        "steps and rule", "m = 20, right†", "m = 20, left; for triggers 64",
        ("attribute.steps", "attribute.rule", "attribute.tolerance", "attribute.max_steps"),
    ),
    Choice("F, the explained output", "", "class probability", ("attribute.output",)),
    Choice("path", "one layer at a time", "the same, layers above recomputed", ("attribute.path",)),
    Choice(
        "sample for importance", "200 held-out examples", "the first 200 of dev",
        ("prepare.protocol", "prepare.n_importance"),
    ),
    Choice("evaluated on", "", "all of dev", ("prepare.n_eval", "prune.n_eval"), "null: all of dev"),
    Choice("ranking for effectiveness", "gold label", "", ("effectiveness.methods",)),
    Choice("attention as a ranking", "pooling not known", "", ("effectiveness.attention_pooling", "prune.attention_pooling")),
    Choice(
        "Taylor expansion", "|A ⊙ ∂loss/∂A| summed†", "per token, sum of logits for loss",
        ("prune.methods",), "all three readings",
    ),
    Choice("normalisation of importance", "", "Taylor by each layer's L2 norm, attribution not", ("prune.normalise",)),
    Choice("importance compared between tasks", "divided by its maximum", "", ("universality.method", "universality.normalise")),
    Choice("tree: thresholds", "τ = 0.4, last layer 0", "0.4", ("tree.tau", "tree.tau_last")),
    Choice("tree: penalty λ", "value not given", "", ("tree.lam",), "a floor for a candidate's value"),
    Choice("tree: order within a layer", "", "by index; root's edges first", ("tree.variant",), "paper: decreasing value"),
    Choice("tree: [CLS]", "", "may be a child, is no root; no terminal edges", ("tree.variant",), "paper: terminal only"),
    Choice("tree: what a removed edge means", "", "", (), "A ⊙ M in all heads, no renormalisation, self-edges stay"),
    Choice("receptive field: special tokens", "", "", (), "with and without"),
    Choice(
        "triggers: mined from", "", "first 500 training examples; SST-2: of at least 15 tokens",
        ("attribute.n_mine", "attribute.mine_min_tokens"),
    ),
    Choice("triggers: second edge kept from", "", "0.2 of the first", ("triggers.second_share",)),
    Choice("triggers: weakest pattern", "", "0.02", ("triggers.least_attribution",)),
    Choice("triggers: how many, how chosen", "three, choice not stated", "", ("triggers.n_triggers", "triggers.best", "triggers.n_select"), "chosen on held-out examples, reported on dev"),
    Choice("triggers: controls", "none", "none", ("triggers.controls",)),
    Choice("seeds", "one†", "one", ("seeds",)),
    Choice(
        "uncertainty", "none given†", "none", ("prune.bootstrap_draws", "prune.equivalence_margin"),
        "Wilson, paired bootstrap",
    ),
)  # fmt: skip


def choice_rows(parameters: Mapping[str, Any]) -> list[Row]:
    """Every open choice: the paper's, the released code's, ours in this run, and where it is set.

    `parameters` are the sections of params.yaml; † marks what is recalled of the paper and not checked.
    """
    return [
        {"choice": choice.name, "the paper": choice.paper, "the released code": choice.released_code}
        | {"here": _here(choice, parameters), "set by": ", ".join(choice.keys) or "the method"}
        for choice in CHOICES
    ]


def _here(choice: Choice, parameters: Mapping[str, Any]) -> str:
    shown = []
    for key in choice.keys:
        value: Any = parameters
        for part in key.split("."):
            value = value[part]
        if value is not None and value != {}:
            shown.append(_text(value))
    return "; ".join(part for part in (", ".join(shown), choice.note) if part)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
