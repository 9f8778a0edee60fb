"""The kinds of value that params.yaml holds."""

from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Item = TypeVar("Item")
Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]


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


def _count_or_auto(value: object) -> object:
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError("auto or an integer of at least 1")


# A union of types would name its branches in the message.
CountOrAuto = Annotated[int | Literal["auto"], BeforeValidator(_count_or_auto)]


# YAML knows lists, a frozen model wants tuples. A validator's ValueError completes the sentence "... must be".
AnyNumber = Annotated[
    tuple[Item, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    AfterValidator(_without_repeats),
]
List = Annotated[AnyNumber[Item], Field(min_length=1)]


class Section(BaseModel):
    """A frozen section that knows all its keys and converts nothing, save an integer where a float is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
