"""The kinds of value that params.yaml holds."""

from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Every value has bounds (tests/values/test_schema.py). The upper ones are far beyond what is of use: they stop a slip
# of the pen, which would end in a full memory or never.
MOST = 10**9  # examples, or tokens
MOST_REPEATS = 100_000  # epochs, random draws
MOST_STEPS = 10_000  # of an integral, as in the library: the weights of more do not fit the memory
MOST_PARTS = 1024  # layers, or heads of one
MOST_SEED = 2**32 - 1  # NumPy's legacy generator and Lightning take no larger one
LONGEST = 1000  # entries of a list
LONGEST_NAME = 255  # characters, as of a file
LONGEST_PATH = 4096

Item = TypeVar("Item")
Count = Annotated[int, Field(ge=1, le=MOST)]
NotNegative = Annotated[int, Field(ge=0, le=MOST)]
Repeats = Annotated[int, Field(ge=1, le=MOST_REPEATS)]
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
Weight = Annotated[float, Field(ge=0, le=MOST)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Location = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)]


def _without_repeats(values: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(set(values)) < len(values):
        raise ValueError("a list without repeats")
    return values


def _rising(values: tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(values))


def rising_from_0_to_1(rates: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse rates that do not rise strictly, start at 0 and end at 1."""
    if not _rising(rates) or rates[0] != 0 or rates[-1] != 1:
        raise ValueError("a list that rises from 0 to 1")
    return rates


def rising_from_0(rates: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse rates that do not rise strictly from 0."""
    if not _rising(rates) or rates[0] != 0:
        raise ValueError("a list that rises from 0")
    return rates


def rising_to_1(shares: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse shares that do not rise strictly, from above 0 to 1."""
    if not _rising(shares) or shares[0] <= 0 or shares[-1] != 1:
        raise ValueError("a list that rises from above 0 to 1")
    return shares


def one_line(text: str) -> str:
    """Refuse a text with a line break or another control character."""
    if not text.isprintable():
        raise ValueError("text of one line")
    return text


def tracked(name: str) -> str:
    """Refuse a name that Weights & Biases does not take, as it would find out after the work."""
    if not one_line(name).strip() or any(character in "/\\#?%:" for character in name):
        raise ValueError("a name without any of / \\ # ? % :")
    return name


def or_auto(most: int) -> BeforeValidator:
    """What takes "auto" and the integers from 1 to `most`, in words of its own: a union would name its branches."""

    def check(value: object) -> object:
        if value == "auto" or (type(value) is int and 1 <= value <= most):
            return value
        raise ValueError(f"auto or an integer of at least 1 and at most {most}")

    return BeforeValidator(check, json_schema_input_type=Annotated[int, Field(ge=1, le=most)] | Literal["auto"])


CountOrAuto = Annotated[int | Literal["auto"], or_auto(MOST)]
StepsOrAuto = Annotated[int | Literal["auto"], or_auto(MOST_STEPS)]


# YAML knows lists, a frozen model wants tuples. A validator's ValueError completes the sentence "... must be".
AnyNumber = Annotated[
    tuple[Item, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    AfterValidator(_without_repeats),
    Field(max_length=LONGEST),
]
List = Annotated[AnyNumber[Item], Field(min_length=1)]


class Section(BaseModel):
    """A frozen section that knows all its keys and converts nothing, save an integer where a float is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
