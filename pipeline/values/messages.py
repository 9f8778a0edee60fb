"""One line for a value that the schema refuses."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.errors import InputError

ONE, MORE = "a list with at least one entry", "a list with at least {min_length} entries"


def unknown_key(path: tuple[str, ...], *, model: type[BaseModel]) -> str:
    """The line that refuses a key which `model` lacks, with the nearest ones that it has."""
    for depth, part in enumerate(path):
        if part not in model.model_fields:
            known = list(model.model_fields)
            near = [".".join([*path[:depth], name]) for name in difflib.get_close_matches(part, known, cutoff=0.65)]
            hint = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"
            return f"{'.'.join(path[: depth + 1])} is not a known key; {hint}"
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            if depth + 1 < len(path):
                return f"{'.'.join(path)} cannot be set here: set {'.'.join(path[: depth + 1])} as a whole"
            break
        model = annotation
    return f"{'.'.join(path)} cannot be set here"


def first_error(error: ValidationError, *, model: type[BaseModel], within: tuple[str, ...] = ()) -> str:
    """The line that refuses the first bad value: its key, the value, and what is allowed.

    `within` are the keys above those of `model`.
    """
    # A misspelt key is both unknown and missing: the former says more.
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    kind, context = first["type"], first.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, InputError):
        return str(cause)
    path = [part for part in first["loc"] if part != "[key]"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (*within, *path)).lstrip(".")
    if kind == "extra_forbidden":
        prefix = "".join(f"{part}." for part in within)
        return prefix + unknown_key(tuple(str(part) for part in path), model=model)
    if kind == "missing":
        return f"{key} is missing"
    return f"{key} is {shown(first['input'])}, but must be {_allowed(kind, context, first['msg'])}"


def _allowed(kind: str, context: Mapping[str, Any], message: str) -> str:
    bounds = {
        "greater_than_equal": "at least {ge}",
        "greater_than": "above {gt}",
        "less_than_equal": "at most {le}",
        "less_than": "below {lt}",
        "literal_error": "one of {expected}",
        "too_short": ONE if context.get("min_length") == 1 else MORE,
        "too_long": "a list with at most {max_length} entries",
        "tuple_type": "a list",
        "int_type": "an integer",
        "bool_type": "true or false",
        "float_type": "a number",
        "finite_number": "a finite number",
        "string_type": "text",
        "string_too_short": "text that is not empty",
        "string_too_long": "text of at most {max_length} characters",
        "model_type": "a section",
        "dict_type": "a section",
        "value_error": "{error}",
    }
    named = {**context, "expected": str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")}
    return bounds[kind].format(**named) if kind in bounds else f"valid ({message})"


def shown(value: object) -> str:
    """The value as JSON, cut short."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
