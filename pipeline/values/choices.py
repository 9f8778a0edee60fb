"""Choices of groups of configurations, such as `preset=mini` of conf/preset/, on a command line."""

from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override

from pipeline.errors import InputError
from pipeline.values.messages import shown
from pipeline.values.paths import PRESETS

SETTABLE = ("hydra.launcher.", "hydra.sweep.", "hydra.sweeper.")  # of which the last two are refused by name
MULTIRUN = "hydra.mode=MULTIRUN"  # the same as -m


def check_choices(overrides: Sequence[str]) -> None:
    """Raise InputError where a group is left out, or given what is none of its files: Hydra ends in a traceback there.

    Of Hydra's own groups it is seen to that a text is given. Errors of Hydra, for what it cannot read, pass.
    """
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        group = override.key_or_group
        if group.startswith("hydra.") and not group.startswith(SETTABLE) and override.input_line != MULTIRUN:
            raise InputError(
                f"{group} cannot be set: of Hydra's own values only those of hydra.launcher can; -m sweeps"
            )
        known = sorted(path.stem for path in (PRESETS / group).glob("*.yaml")) if (PRESETS / group).is_dir() else None
        if known is None and group != "hydra" and not group.startswith("hydra/"):
            continue
        allowed = "text" if known is None else f"one of {', '.join(known)}"
        if override.is_delete():
            raise InputError(f"{group} cannot be left out: it must be {allowed}")
        for value in _values(override):
            if not isinstance(value, str) or (known is not None and value not in known):
                raise InputError(f"{group} is {shown(value)}, but must be {allowed}")


def _line(override: Override) -> str:
    return str(override.input_line).lstrip("+")


def _values(override: Override) -> Iterator[object]:
    """What is given; of several, where each is a job, their texts."""
    if override.is_sweep_override():
        yield from override.sweep_string_iterator() if isinstance(override.value(), ChoiceSweep) else ()
    else:
        yield override.value()
