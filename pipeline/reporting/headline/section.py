"""The headline numbers, with how far they can be trusted."""

from pipeline.analysis.intervals import clearly_above, majority_share
from pipeline.reporting.blocks import ReportContext, Section, Table, Text
from pipeline.reporting.headline.tables import headline
from pipeline.reporting.style import task_name

HEADLINE = (
    "Dev accuracy; area between the effectiveness curves and attribution's lead in pruning, in accuracy points. "
    "Which label the attribution explains stands beside its area."
)
INTERVALS = (
    "Brackets hold 95 % intervals: Wilson's for an accuracy, a bootstrap over the dev examples for areas and AUCs "
    "({draws:,} draws, paired where two methods are compared). They say how far another sample of dev examples "
    "would move a value. {seeds}"
)
ONE_SEED = "One fine-tuning seed was run, so nothing here shows how much another seed would change."
SEEDS = "The {count} fine-tuning seeds are not pooled: compare their rows to see how much a seed changes."
VERDICTS = (
    "Verdicts: `equivalent` means that the interval of a difference lies within ±{margin:g} points, a margin set "
    "before the run; otherwise `better` and `worse` mean that it excludes zero, and `undecided` that the sample is "
    "too small to say. Many differences are tested at once, and about one in twenty intervals misses the true value."
)
SAMPLE = "Pruning was measured on some of the dev examples, the same for every seed: {listed}."
WEAK = (
    "Not three standard errors above always naming the majority class: {listed}. What such a model's heads do for its "
    "accuracy says little."
)


def section(context: ReportContext) -> Section:
    """The main numbers and what their intervals and verdicts mean."""
    seeds = ONE_SEED if len(context.seeds) == 1 else SEEDS.format(count=len(context.seeds))
    return Section(
        "results",
        "Main results",
        [
            Table(
                HEADLINE,
                headline(context.records["finetune"], context.records["effectiveness"], context.records["prune"]),
            ),
            Text(INTERVALS.format(draws=context.parameters["analyse"]["bootstrap_draws"], seeds=seeds)),
            Text(VERDICTS.format(margin=context.parameters["claims"]["equivalence_margin"])),
            *_notes(context),
        ],
    )


def _notes(context: ReportContext) -> list[Text]:
    """What a reader of the headline must not overlook."""
    sizes = {record["task"]: record["n"] for record in context.records["finetune"]}
    sampled = {task_name(r["task"]): r["n"] for r in context.records["prune"] if r["n"] < sizes[r["task"]]}
    weak = []
    for record in context.records["finetune"]:
        majority = majority_share(record)
        if not clearly_above(record["accuracy"], majority, record["n"]):
            weak.append(f"{task_name(record['task'])}, seed {record['seed']} (majority {100 * majority:.1f} %)")
    notes = []
    if sampled:
        notes.append(Text(SAMPLE.format(listed=", ".join(f"{task} {n:,}" for task, n in sampled.items()))))
    if weak:
        notes.append(Text(WEAK.format(listed="; ".join(weak))))
    return notes
