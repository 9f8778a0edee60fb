"""What the paper says about a claim, with its own numbers beside this run's where it gives one."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

from pipeline.analysis.quantities import Effectiveness
from pipeline.reporting.claims.findings import told
from pipeline.reporting.claims.words import joined
from pipeline.reporting.statistics import by_key
from pipeline.reporting.style import task_name
from pipeline.reporting.triggers.tables import PAPER
from pipeline.values.columns import BY_GOLD

if TYPE_CHECKING:
    from pipeline.reporting.blocks import ReportContext


def paper_words(claim_id: str, context: ReportContext) -> str | None:
    """What the paper says, and where; None where the claim is not the paper's."""
    of_claim = told().get(claim_id, {})
    if "paper" not in of_claim:
        return None
    text = f"The paper: {of_claim['paper']} ({of_claim['where']})."
    match of_claim.get("beside"):
        case "accuracy by the gold label":
            text += _accuracy_by_gold(context)
        case "strongest trigger":
            text += _strongest_trigger(list(context.splits))
    return text


def _accuracy_by_gold(context: ReportContext) -> str:
    """The accuracy with two heads a layer that the paper gives, by the same label and on the same examples as ours."""
    found, said = context.statistics["effectiveness"], []
    for task in context.splits:
        kept = by_key(found, task, Effectiveness.KEPT.key(method=BY_GOLD))
        whole = [one["baseline_accuracy"] for one in context.records["effectiveness"] if one["task"] == task]
        if kept and kept["value"] is not None and whole:
            said.append(f"{100 * mean(whole) + kept['value']:.1f} % on {task_name(task)}")
    return f" Here it is {joined(said)}, by the gold label, too." if said else ""


def _strongest_trigger(tasks: list[str]) -> str:
    """What the strongest trigger of the paper's table costs each class, on this run's tasks, or else on its own."""
    costs = {task: {name: before - after for name, (before, after) in of.items()} for task, of in PAPER.items()}
    shared = [task for task in tasks if task in costs]
    if shared:
        parts = [
            f"{joined(f'{cost:.1f} points of {name}' for name, cost in costs[t].items())} on {task_name(t)}"
            for t in shared
        ]
        return f" The strongest costs {'; '.join(parts)}."
    every = [cost for of_task in costs.values() for cost in of_task.values()]
    listed = joined(map(task_name, costs))
    return f" The strongest costs {min(every):.0f} to {max(every):.0f} points of a class's accuracy, on {listed}."
