"""Which output of a checkpoint's classifier is which class of the task, by the names in its config."""

import re
from collections.abc import Mapping, Sequence
from unicodedata import normalize

from pipeline.errors import InputError

# Other names of a class, lower case and without signs. Those of `not_<class>` follow from those of the class.
_SYNONYMS = {
    "negative": "neg bad unfavorable unfavourable",
    "positive": "pos good favorable favourable",
    "entailment": "entail entails entailed entailing implied implies yes true",
    "not_entailment": "no false",
    "neutral": "neither unknown undetermined undecided maybe",
    "contradiction": "contradict contradicts contradicted contradictory contradicting no false",
    "equivalent": "equivalence equal same paraphrase paraphrases paraphrased paraphrasing isparaphrase duplicate "
    "duplicates isduplicate yes true",
    "not_equivalent": "different distinct no false",
}
_NEGATIONS = ("not", "non", "no", "in", "un", "isnot")
_FILLERS = {"label", "class", "output", "sentiment", "semantically", "is", "a"}

Name = str | int | bool


def class_order(
    names: Mapping[int, Name], labels: Sequence[str], *, task: str, location: str
) -> tuple[int, ...] | None:
    """For each of the task's `labels`, the output of the checkpoint at `location` that stands for it.

    `names` are the outputs' names by number. They are compared as they are; where they differ, without regard to case,
    and to what stands between words; and at last as usual other names of the labels. None where they say nothing: there
    are none, or each is the output's own number, alone or after a word such as LABEL.

    Raises:
        InputError: for names of other classes, two names of one class, and names only some of which are recognised.
    """
    outputs, every = sorted(names), list(range(len(labels)))
    given = [str(names[output]) for output in outputs]
    for form in (str, _composed, _lower, _plain):
        found, sought = [form(name) for name in given], [form(label) for label in labels]
        if outputs == every and len(set(sought)) == len(sought) and sorted(found) == sorted(sought):
            return tuple(found.index(label) for label in sought)
    if [_number(name) for name in given] == outputs and not _numbered_otherwise(labels):
        return None
    spelt, spellings = [_plain(label) for label in labels], [_spellings(label) for label in labels]
    places = [
        [place for place, label in enumerate(spelt) if _plain(name) == label]
        or [place for place, known in enumerate(spellings) if _core(name) in known]
        for name in given
    ]
    if outputs != every or sorted(places) != [[place] for place in every]:
        raise InputError(
            f"{location} names its labels {', '.join(given)}, which are not {', '.join(labels)} of {task}: name these "
            "in id2label of its config.json, or save its encoder alone"
        )
    return tuple(places.index([place]) for place in every)


def mapping(names: Mapping[int, Name], order: Sequence[int], labels: Sequence[str]) -> dict[str, str]:
    """For each class of the task, the number and the name of the checkpoint's output, for people and records."""
    return {label: f"{output} {names[output]}" for label, output in zip(labels, order, strict=True)}


def stored_names(config: Mapping[str, object], *, location: str) -> dict[int, Name]:
    """The outputs' names in the content of a config.json, from `id2label` or else `label2id`; empty where it has none.

    transformers reads only the former, and replaces the latter by LABEL_0, LABEL_1, ...

    Raises:
        InputError: where the two differ, or do not number their names.
    """
    forward, backward = config.get("id2label") or {}, config.get("label2id") or {}
    try:
        names = {int(output): name for output, name in forward.items()}  # type: ignore[attr-defined]
        numbers = {int(output): name for name, output in backward.items()}  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{location} has labels without numbers: mend id2label in its config.json") from None
    if names and numbers and {key: str(name) for key, name in names.items()} != numbers:
        raise InputError(
            f"{location} has an id2label and a label2id that differ: take the wrong one out of its config.json"
        )
    return names or numbers


def _composed(name: str) -> str:
    return normalize("NFC", name)


def _lower(name: str) -> str:
    # Not `casefold`, for which "ß" is "ss".
    return _composed(name).lower()


def _plain(name: str) -> str:
    """The name in lower case, without what only parts its words; a sign that is a part of the name stays: C++, -1."""
    letter = r"[^\W\d_]"
    return re.sub(rf"(?<={letter})[\s_/]+(?=\w)|(?<=\w)(?:[\s_/]+|[.-])(?={letter})", "", _lower(name).strip())


def _number(name: str) -> int | None:
    """The number that is all that a name such as LABEL_0 says."""
    found = re.fullmatch(r"(?:(?:label|class|output)[\s_-]*)?(\d+)", _lower(name).strip())
    return int(found[1]) if found else None


def _numbered_otherwise(labels: Sequence[str]) -> bool:
    """Whether every label has a number, and these do not rise: the outputs' own numbers would say another order."""
    found = [re.search(r"-?\d+", label) for label in labels]
    numbers = [int(one[0]) for one in found if one]
    return len(numbers) == len(labels) and numbers != sorted(numbers)


def _core(name: str) -> str:
    """The name without numbers and words that tell no class."""
    words = re.split(r"\s+-\s+|[\s_/:,;()]+|(?<=\w)[.-](?=\w)", _lower(name))
    return "".join(word for word in words if word not in _FILLERS and not word.isdecimal())


def _spellings(label: str) -> set[str]:
    """Every core of a name of the class."""
    # A number in a label tells it from others.
    own = set() if re.search(r"\d", label) else {_core(label)} - {""}
    spellings = own | {*_SYNONYMS.get(label, "").split()}
    if label.startswith("not_"):
        spellings |= {negation + name for negation in _NEGATIONS for name in _spellings(label.removeprefix("not_"))}
    return spellings
