"""Tables on the command line: one that is given as a whole takes the place of the one that is there.

Hydra by itself merges the two, so that entries of a preset would outlive what a user gives, and an empty table would
change nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from omegaconf import OmegaConf
from pydantic import BaseModel

from pipeline.values.params import plain
from pipeline.values.schema import Params


def tables_given(overrides: Sequence[str]) -> list[str]:
    """The keys of the tables that the overrides give as a whole, such as `finetune.epochs={default: 3}`.

    `+key={...}` adds to a table, and is not meant.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    given = (override for override in parsed if not override.is_add() and not override.is_delete())
    return list(
        dict.fromkeys(
            key for override in given for value in _values(override) for key in _tables(override.key_or_group, value)
        )
    )


def emptied_tables(values: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """The values of params.yaml, with null for every table that a stage's command line gives as a whole."""
    config = OmegaConf.create(dict(values))
    for key in tables_given([argument for argument in arguments if "=" in argument and not argument.startswith("-")]):
        if OmegaConf.select(config, key) is not None:
            OmegaConf.update(config, key, None)
    return plain(config)


def _values(override: Override) -> list[object]:
    value = override.value()
    return list(value.list) if isinstance(value, ChoiceSweep) else [value]


def _tables(key: str, value: object) -> Iterator[str]:
    if isinstance(value, dict) and _is_section(key):
        for name, item in value.items():
            yield from _tables(f"{key}.{name}", item)
    elif isinstance(value, dict | list):
        # A list as well: Hydra has no words for one that is given for a table.
        yield key


def _is_section(key: str) -> bool:
    model: object = Params
    for part in key.split("."):
        if not (isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields):
            return False
        model = model.model_fields[part].annotation
    return isinstance(model, type) and issubclass(model, BaseModel)
