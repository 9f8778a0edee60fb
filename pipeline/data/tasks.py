"""The tasks: which columns hold the texts, what the label ids mean, which split is evaluated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One classification task. Label ids are positions in `labels`, as in nyu-mll/glue.

    `phrases`: most training rows are parts of sentences, while the evaluated ones are whole. `recurring`: columns whose
    texts come from so few templates that most of them recur; another column then tells examples apart.
    """

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    dev_split: str = "validation"
    reports_f1: bool = False
    phrases: bool = False
    recurring: tuple[str, ...] = ()


TASKS = {
    "negation": Task(("sentence",), ("negative", "positive")),
    "inference": Task(("premise", "hypothesis"), ("entailment", "neutral", "contradiction"), recurring=("hypothesis",)),
    "mnli": Task(("premise", "hypothesis"), ("entailment", "neutral", "contradiction"), "validation_matched"),
    "rte": Task(("sentence1", "sentence2"), ("entailment", "not_entailment")),
    "sst2": Task(("sentence",), ("negative", "positive"), phrases=True),
    "mrpc": Task(("sentence1", "sentence2"), ("not_equivalent", "equivalent"), reports_f1=True),
}
