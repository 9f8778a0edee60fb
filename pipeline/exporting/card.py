"""The model card of a pruned export: what was taken out of which model, what it cost, and how to open it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """A model by its name, with its number of parameters and its accuracy, a share."""

    name: str
    parameters: int
    accuracy: float


def model_card(
    name: str,
    *,
    source: str,
    method: str,
    kept: Sequence[Sequence[int]],
    heads: int,
    models: Sequence[Measured],
    n: int,
) -> str:
    """Markdown for the folder `name`: `kept` are the heads left in every layer, of `heads`; accuracies are of `n`."""
    left, count = sum(map(len, kept)), heads * len(kept)
    removed = [[head for head in range(heads) if head not in row] for row in kept]
    table = [f"| {one.name} | {one.parameters / 1e6:.2f} M | {100 * one.accuracy:.1f} % |" for one in models]
    numbered = [", ".join(str(head + 1) for head in row) or "none" for row in removed]
    lines = [
        f"# {name}",
        "",
        f"The sequence classifier {source} without {count - left} of its {count} attention heads, those that matter "
        f"least by the importance `{method}`. Layers have different numbers of heads.",
        "",
        f"| model | parameters | accuracy on {n} dev examples |",
        "|---|---|---|",
        *table,
        "",
        "## Open it",
        "",
        "```python",
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer",
        f'model = AutoModelForSequenceClassification.from_pretrained("{name}", trust_remote_code=True)',
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")',
        "```",
        "",
        "`modeling_pruned.py` is the code that is run: the layers, and nothing else. Which attention edges carry a "
        "prediction is shown without running it, by",
        "",
        f'    python -m pipeline.commands.explain --model {name} "a text"',
        "",
        "## Heads that were taken out",
        "",
        "| layer | heads |",
        "|---|---|",
        *(f"| {layer} | {row} |" for layer, row in enumerate(numbered, start=1)),
    ]
    return "\n".join(lines) + "\n"
