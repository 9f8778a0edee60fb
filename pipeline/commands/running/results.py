"""What a stage has come to, in a few words: numbers of its outcomes, as `analyse` makes them of one model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.running.plan import item_of
from pipeline.values.paths import data_folder
from pipeline.values.store import read_json

if TYPE_CHECKING:
    from pipeline.values.schema import Params

Values = Mapping[str, float]
Found = tuple[Mapping[str, Any], Values]
"""The record of one model, and the values of its statistics by their names in docs/method.md."""


def result(address: str, params: "Params") -> str | None:
    """A few words on what the stage that DVC names so has written; None where there is nothing short to say."""
    stage, item = address.partition("@")[0], item_of(address)
    if stage not in SAID and stage != "prepare":
        return None
    models = {f"{task}-{seed}": (task, seed) for task in params.tasks for seed in params.seeds}
    task, seed = models[item] if item in models else (params.tasks[0], int(item))
    if stage == "prepare":
        sizes = read_json(data_folder(Path(), task, seed) / "prepare.json")["examples"]
        return f"{sizes['train']} training rows, {sizes['dev']} evaluated"
    from pipeline.analysis.experiments import ANALYSES
    from pipeline.analysis.outcomes import Outcomes

    found = ANALYSES[stage](Outcomes(Path(), [task], [seed]), params)
    values = {one.key.text: one.estimate.value for one in found.statistics if one.estimate}
    return SAID[stage]((found.records[0], values))


def _attribute(found: Found) -> str:
    record, _ = found
    examples = {one["split"]: one["examples"] for one in record["samples"]}
    error = record["completeness_error"]
    return f"{sum(examples.values())} examples" + ("" if error is None else f", error {100 * error:.2g} %")


def _tree(found: Found) -> str:
    record, values = found
    carried, by_random = (100 * values[f"recovered/{arm}"] for arm in ("tree", "random"))
    return f"trees of {record['edges']:.1f} edges carry {carried:.0f} % (random {by_random:.0f} %)"


def _triggers(found: Found) -> str:
    mined, by_random = (found[1][f"foreign_drop/{kind}"] for kind in ("mined", "random"))
    return f"accuracy falls by {mined:.0f} points (random {by_random:.0f})"


def _prune(found: Found) -> str:
    own = found[1]["auc/attribution/none"]
    return f"accuracy while pruned {own:.0f} % (random {own - found[1]['lead/random/none']:.0f} %)"


def _effectiveness(found: Found) -> str:
    return "area {area/attribution_predicted:.0f} points (by attention {area/attention_max:.0f})".format_map(found[1])


SAID: dict[str, Callable[[Found], str]] = {
    "finetune": lambda found: f"dev accuracy {100 * found[0]['accuracy']:.1f} %",
    "attribute": _attribute,
    "effectiveness": _effectiveness,
    "prune": _prune,
    "tree": _tree,
    "triggers": _triggers,
    "convergence": lambda found: f"20 right-rule steps: error {100 * found[1]['error/right-20']:.0f} %",
    "truth": lambda found: f"pairs that matter: AUROC {found[1]['auroc/pairs/attribution']:.2f}",
    "planted_paths": lambda found: f"edges on the path: AUROC {found[1]['auroc/attribution']:.2f}",
    "shortcut": lambda found: f"planted word first in {found[1]['first/attribution']:.0f} % of texts",
}
