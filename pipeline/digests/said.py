"""What a piece of source says: its syntax, without what changes nothing that is computed."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from pipeline.digests.closure import OUTSIDE, definitions, is_for_checkers, parsed

# Not in the syntax of every version of Python, or no difference to what runs.
SILENT_FIELDS = {"ctx", "kind", "type_comment", "type_ignores"}
LOGGING = {"debug", "info", "warning", "error", "exception"}
ROOMS = tuple(f"pipeline.{room}" for room in OUTSIDE)


@cache
def digest(path: Path, name: str | None = None) -> str | None:
    """A digest of what a Python file says, or of one definition in it; None where there is nothing but a docstring.

    Comments, docstrings, the layout, imports for type checkers, and texts that are handed to the rooms `OUTSIDE` or to
    a log (of a bar, a line) are no part of it.
    """
    node = definitions(path)[name] if name else parsed(path)
    words = [*_words(node, _names_of_outside(path))]
    return sha256("\n".join(words).encode()).hexdigest()[:16] if len(words) > 1 else None


@cache
def _names_of_outside(path: Path) -> frozenset[str]:
    imports = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom) and _is_of_outside(node)]
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)


def _is_of_outside(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(tuple(f"{room}." for room in ROOMS))


def _words(node: object, outside: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield f"{type(node.value).__name__} {node.value!r}"
    elif isinstance(node, ast.AST):
        yield type(node).__name__
        speaks = isinstance(node, ast.Call) and _is_told(node, outside)
        for name, value in ast.iter_fields(node):
            if name not in SILENT_FIELDS and value is not None:
                parts = [*_spoken(value)] if isinstance(value, list) else [value]
                parts = [part for part in parts if not (speaks and _is_text(part))]
                if parts:
                    yield f".{name} {len(parts)}"
                for part in parts:
                    yield from _words(part, outside)
    else:
        yield repr(node)


def _spoken(statements: list[ast.AST]) -> Iterator[ast.AST]:
    """The parts of a list that are run: no docstring, and nothing for type checkers."""
    for node in statements:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            continue
        if _is_of_outside(node):
            continue
        if isinstance(node, ast.If) and is_for_checkers(node):
            yield from _spoken([*node.orelse])
        else:
            yield node


def _is_told(call: ast.Call, outside: frozenset[str]) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr in LOGGING:
        return ast.unparse(call.func.value) == "log"
    root = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in outside


def _is_text(node: object) -> bool:
    inner = node.value if isinstance(node, ast.keyword) else node
    return isinstance(inner, ast.JoinedStr) or (isinstance(inner, ast.Constant) and isinstance(inner.value, str))
