"""Two tasks from a grammar whose label is decided by one or two known words.

`negation`: one sentence, labels as SST-2 (0 negative, 1 positive). The label is the polarity of the only praising or
blaming adjective, turned round if a negator governs it. `inference`: premise and hypothesis, labels as MNLI
(0 entailment, 1 neutral, 2 contradiction). Each text holds one state word: the same word entails, its antonym
contradicts, a word of another antonym pair is neutral. Adjective, governing negator and state words are the deciding
words of an example; everything else is drawn without regard to the label.

Why shortcuts fail:

- `negation`: a sentence holds at most one negator, and every template has one adverb slot that governs the adjective
  and one elsewhere, filled from the same lists. Exchanging the two adverbs keeps the bag of words and turns the label
  round, so no function of word counts is right more often than 70 % of the time in expectation, linear or not. (A
  *balanced* exclusive-or of adjective and negator hardly trains from scratch: the adjective alone, right in 70 %, is
  the foothold.)
- `inference`: the state words of premise and hypothesis have each the same distribution for every label, so one text
  alone is at chance. How many words the two share tells entailment from the rest at best.

What a small model learns from scratch: a pair of words on which the label depends only jointly gives no foothold, and
training stalls until it is found. So in `inference` texts are short, the state words keep their places, and antonym
pairs are unequally frequent: the frequent ones are learned first.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.data.planted_words import (
    AFFIRMERS,
    ANTONYMS,
    BLAME,
    FILLERS,
    HYPOTHESES,
    MEANINGLESS,
    NEGATORS,
    PRAISE,
    PREMISES,
    SENTENCES,
)
from pipeline.errors import InputError

Row = dict[str, Any]

TASKS = ("negation", "inference")

# How often each pair is drawn, by its place in the list (Zipf's law).
PAIR_WEIGHTS = [1 / rank for rank, _ in enumerate(ANTONYMS, start=1)]
# Where the negator stands: it turns the label round only in the first case. At 30 % the task still has its foothold.
NEGATOR_PLACES = {"governing": 0.30, "aside": 0.35, "nowhere": 0.35}

_OPPOSITE = {word: other for a, b in ANTONYMS for word, other in ((a, b), (b, a))}
_CHOICES = FILLERS | {
    "governing": NEGATORS + AFFIRMERS,
    "aside": NEGATORS + AFFIRMERS,
    "verdict": PRAISE + BLAME,
    "state": list(_OPPOSITE),
}
_TEMPLATES = {"negation": SENTENCES, "inference": PREMISES + HYPOTHESES}


def vocabulary(task: str) -> list[str]:
    """Every word that `generate` can use for the task, and some that it never does, sorted; no special tokens."""
    _check_task(task)
    words = set(MEANINGLESS)
    for template in _TEMPLATES[task]:
        for token in template.split():
            slot = _slot(token)
            words.update(_CHOICES[slot] if slot else [token])
    return sorted(words)


def generate(task: str, *, n_train: int, n_dev: int) -> dict[str, list[Row]]:
    """Rows of both splits, the same for the same arguments, labels balanced to within one row.

    `deciding_words` are pairs (sequence 0 or 1, index of the word when the text is split at spaces). No sentence
    (`negation`) or premise (`inference`) occurs twice, in one split or in both. The dev rows do not depend on
    `n_train`. Raises `InputError` for an unknown task, fewer than one row, or more rows than the grammar can
    keep apart.
    """
    _check_task(task)
    for name, count in (("n_train", n_train), ("n_dev", n_dev)):
        if count < 1:
            raise InputError(f"data.{name} is {count}: the planted task '{task}' needs at least 1 row")
    asked, most = n_train + n_dev, _most_rows(task)
    if asked > most:
        raise InputError(f"data.n_train + data.n_dev is {asked}: the grammar of '{task}' makes at most {most} rows")
    draw, n_labels = (_draw_negation, 2) if task == "negation" else (_draw_inference, 3)
    rng = random.Random(f"planted {task}")
    taken: set[str] = set()
    dev = _rows(draw, n_dev, n_labels=n_labels, rng=rng, taken=taken)
    return {"train": _rows(draw, n_train, n_labels=n_labels, rng=rng, taken=taken), "dev": dev}


def _rows(
    draw: Callable[[int, random.Random], Row], n: int, *, n_labels: int, rng: random.Random, taken: set[str]
) -> list[Row]:
    labels = [i % n_labels for i in range(n)]
    rng.shuffle(labels)
    rows = []
    for idx, label in enumerate(labels):
        row = draw(label, rng)
        while (first_text := row.get("sentence") or row["premise"]) in taken:
            row = draw(label, rng)
        taken.add(first_text)
        rows.append({"idx": idx} | row)
    return rows


def _draw_negation(label: int, rng: random.Random) -> Row:
    (place,) = rng.choices(list(NEGATOR_PLACES), weights=list(NEGATOR_PLACES.values()))
    negated = place == "governing"
    template = rng.choice(SENTENCES)
    words = {
        "verdict": rng.choice(PRAISE if (label == 1) != negated else BLAME),
        "governing": rng.choice(NEGATORS if negated else AFFIRMERS),
        "aside": rng.choice(NEGATORS if place == "aside" else AFFIRMERS),
    }
    deciding = sorted(_position(template, slot) for slot in (["verdict", "governing"] if negated else ["verdict"]))
    return {
        "sentence": _fill(template, words, rng),
        "label": label,
        "deciding_words": [[0, position] for position in deciding],
    }


def _draw_inference(label: int, rng: random.Random) -> Row:
    pair, unrelated = _two_pairs(rng)
    state = rng.choice(pair)
    claimed = (state, rng.choice(unrelated), _OPPOSITE[state])[label]
    premise, hypothesis = rng.choice(PREMISES), rng.choice(HYPOTHESES)
    container = rng.choice(FILLERS["container"])
    return {
        "premise": _fill(premise, {"container": container, "state": state}, rng),
        "hypothesis": _fill(hypothesis, {"container": container, "state": claimed}, rng),
        "label": label,
        "deciding_words": [[0, _position(premise, "state")], [1, _position(hypothesis, "state")]],
    }


def _two_pairs(rng: random.Random) -> Sequence[Sequence[str]]:
    # Drawn for every label, and again until they differ: only so are first and second equally distributed.
    while True:
        pairs = rng.choices(ANTONYMS, weights=PAIR_WEIGHTS, k=2)
        if pairs[0] != pairs[1]:
            return pairs


def _fill(template: str, words: dict[str, str], rng: random.Random) -> str:
    """The template with each slot replaced by its word in `words`, or else by a filler."""
    filled = []
    for token in template.split():
        slot = _slot(token)
        filled.append((words.get(slot) or rng.choice(FILLERS[slot])) if slot else token)
    return " ".join(filled)


def _slot(token: str) -> str | None:
    return token[1:-1] if token.startswith("{") else None


def _position(template: str, slot: str) -> int:
    return template.split().index(f"{{{slot}}}")


def _most_rows(task: str) -> int:
    """A quarter of the texts the templates can make, so that drawing one that is not yet taken stays cheap."""
    templates = SENTENCES if task == "negation" else PREMISES
    slots = ([_slot(token) for token in template.split()] for template in templates)
    return sum(math.prod(len(_CHOICES[slot]) for slot in row if slot) for row in slots) // 4


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise InputError(f"unknown planted task '{task}': use one of {', '.join(TASKS)}")
