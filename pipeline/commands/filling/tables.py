"""The tables in Markdown: which score is taken for which question, and every score beside the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.analysis.methods import EDGE_SCORES
from pipeline.commands.filling.comparison import choice, difference, first, in_words, words
from pipeline.commands.filling.questions import COSTS, QUESTIONS, SUMMED
from pipeline.commands.filling.runs import OF_TASKS_OWN_MODELS, RUNS, tasks_of
from pipeline.reporting.style import task_name
from pipeline.values.columns import BY_PREDICTED, BY_SUM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.commands.filling.comparison import Difference, Measured
    from pipeline.commands.filling.questions import Question
    from pipeline.commands.filling.runs import Runs

MISSING = "not measured"
COSTLY = {"loss_difference": "1 a head", "accuracy_difference": "1 a head"}  # forward passes, by definition


def summary(runs: Runs) -> str:
    """One row per question: the score to take, what intervals tell of it and other scores, and what it costs."""
    heads = ("question", "take", "beside other scores, by 95 % intervals (tasks)", "cost, forward passes")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    for question in QUESTIONS:
        tasks = tasks_of(question, runs)
        leader = first(question, tasks)
        if leader is None:
            lines.append(f"| {question.asks} | {MISSING} | | |")
            continue
        chosen = choice(question, tasks)
        beside = chosen[0] if chosen else question.reference
        said = in_words(question, words(question, tasks, beside))
        said = said if len(chosen) == 1 else f"{question.label(beside)}: {said}"
        said += "" if leader in (beside, *chosen) else f". First by value: {question.label(leader)}"
        costs = "; ".join(map(cost, chosen))
        lines.append(f"| {question.asks} | {_taken(question, chosen)} | {said} | {costs} |")
    return "\n".join(lines)


def _taken(question: Question, chosen: Sequence[str]) -> str:
    calls = {score: f" (`{question.calls[score]}`)" for score in chosen if score in question.calls}
    named = [question.label(score) + calls.get(score, "") for score in chosen]
    match named:
        case []:
            return "undecided"
        case [one]:
            return one
    return f"undecided between {' and '.join(named)}"


def measured_on(runs: Runs) -> str:
    """A sentence of what the tables are of."""
    parts = []
    for run, of_run in runs.items():
        tasks = dict.fromkeys(task_name(at.task) for name in OF_TASKS_OWN_MODELS for at in of_run.get(name, []))
        parts.append(f"`results/{run}` ({RUNS[run]}: {', '.join(tasks)})")
    return f"Measured in {' and '.join(parts)}." if parts else "Nothing is measured yet."


def cost(score: str) -> str:
    """Forward passes of a score; of those that have not been measured the words for it."""
    return f"{COSTS[score]:g}" if score in COSTS else COSTLY.get(score, MISSING)


def costs() -> str:
    """A sentence of what was measured."""
    named = {BY_PREDICTED, BY_SUM, SUMMED, *(one for one in COSTS if one.startswith("attention"))}
    listed = [f"{COSTS[score]:g} for {EDGE_SCORES[score]}" for score in COSTS if score not in named]
    return f"In forward passes: {', '.join(listed)}."


def full(runs: Runs) -> str:
    """Of every question a table of all scores by task; a second one of the first score, where that is another one."""
    return "\n\n".join(part for question in QUESTIONS for part in _of_question(question, tasks_of(question, runs)))


def _of_question(question: Question, tasks: Sequence[Measured]) -> list[str]:
    link = f"[{question.section}](#{question.section.lower().replace(' ', '-')})"
    title = f"*{question.asks}* {question.measure[0].upper()}{question.measure[1:]} ({link})"
    leader = first(question, tasks)
    if leader is None:
        return [f"{title}: {MISSING}."]
    reference = question.label(question.reference)
    parts = [f"{title}, and the difference to {reference}. First by mean rank: {question.label(leader)}."]
    parts.append(_beside_reference(question, tasks))
    for score in question.scores:
        own = [pair for pair in question.differences if pair[0] == score]
        if score != question.reference and len(own) > 1 and len(words(question, tasks, score)) > 1:
            name = question.label(score)
            parts += [f"{name[0].upper()}{name[1:]} minus the others:", _beyond_others(question, tasks, score)]
    return parts


def _beside_reference(question: Question, tasks: Sequence[Measured]) -> str:
    rows = []
    for score in question.scores:
        cells = [_cell(question, at, score) for at in tasks]
        if any(cell != MISSING for cell in cells):
            rows.append([question.label(score), *cells])
    return _table(question, tasks, rows)


def _beyond_others(question: Question, tasks: Sequence[Measured], score: str) -> str:
    rows = []
    for other in question.scores:
        found = [difference(question, at, score, other) for at in tasks]
        if any(found):
            rows.append([question.label(other), *(_shown(one, question) if one else MISSING for one in found)])
    return _table(question, tasks, rows)


def _cell(question: Question, at: Measured, score: str) -> str:
    """A score's own value, if the run has it, and its difference to the reference."""
    one = at.one(question.own.get(score))
    own = _number(one["value"], digits(question)) if one else ""
    found = None if score == question.reference else difference(question, at, score, question.reference)
    return "; ".join(part for part in (own, _shown(found, question) if found else "") if part) or MISSING


def _shown(one: Difference, question: Question) -> str:
    """`+0.12 [0.08, 0.16] better`: with more digits where a decided interval would seem to end at 0."""
    places = digits(question)
    if one.low is None or one.high is None:
        return f"{_number(one.value, places, sign='+')} {one.word}"
    while one.word != "undecided" and not float(f"{min(abs(one.low), abs(one.high)):.{places}f}"):
        places += 1
    low, high = (_number(end, places) for end in (one.low, one.high))
    return f"{_number(one.value, places, sign='+')} [{low}, {high}] {one.word}"


def _number(value: float, places: int, *, sign: str = "") -> str:
    """With a minus that is as wide as a plus."""
    return f"{value:{sign}z.{places}f}".replace("-", "−")


def digits(question: Question) -> int:
    """Decimals of a measure: one of points and percent, else two."""
    return 1 if question.measure.endswith(("points", "%")) else 2


def _table(question: Question, tasks: Sequence[Measured], rows: Sequence[Sequence[str]]) -> str:
    heads = ["score", *(_heading(question, at) for at in tasks)]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _heading(question: Question, at: Measured) -> str:
    """`SST-2, 8 models, n = 120`."""
    keys = (key for pair, key in question.differences.items() if question.reference in pair)
    one = next(found for key in keys if (found := at.one(key)))
    models = f"{one['replicates']} model{'' if one['replicates'] == 1 else 's'}"
    return f"{task_name(at.task)} ({at.run}), {models}, n = {one['n']}"
