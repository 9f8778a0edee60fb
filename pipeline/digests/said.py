"""What a piece of source says: its syntax, without what changes nothing that is computed."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from pipeline.digests.closure import OUTSIDE, definitions, imports, is_for_checkers, parsed

# Not in the syntax of every version of Python, or no difference to what runs.
SILENT_FIELDS = {"ctx", "kind", "type_comment", "type_ignores"}
LOGGING = {"debug", "info", "warning", "error", "exception"}
ROOMS = tuple(f"pipeline.{room}." for room in OUTSIDE)


@cache
def digest(path: Path, name: str | None = None) -> str | None:
    """A digest of what a Python file says, or of one definition in it; None where there is nothing but a docstring.

    Comments, docstrings, the layout, imports for type checkers, and texts that are handed to the rooms `OUTSIDE` or to
    a log (of a bar, a line) are no part of it.
    """
    outside = frozenset(one.bound for one in imports(path).run if f"{one.module}.".startswith(ROOMS))
    words: list[str] = []
    _say(definitions(path)[name] if name else parsed(path), outside, words)
    return sha256("\n".join(words).encode()).hexdigest()[:16] if len(words) > 1 else None


def _say(node: object, outside: frozenset[str], words: list[str]) -> None:
    """Add the words of a piece of syntax: its kind, its fields that hold something, what they hold."""
    if isinstance(node, ast.Constant):
        words.append(f"{type(node.value).__name__} {node.value!r}")
        return
    if not isinstance(node, ast.AST):
        words.append(repr(node))
        return
    words.append(type(node).__name__)
    speaks = isinstance(node, ast.Call) and _is_told(node, outside)
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or name in SILENT_FIELDS:
            continue
        parts = value if isinstance(value, list) else [value]
        if name in ("body", "orelse", "finalbody") and isinstance(value, list):
            parts = [*_run(value)]
        if speaks:
            parts = [part for part in parts if not _is_text(part)]
        if parts:
            words.append(f".{name} {len(parts)}")
            for part in parts:
                _say(part, outside, words)


def _run(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are run: no docstring, nothing for type checkers, no import of what is outside."""
    for node in statements:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            continue
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(ROOMS):
            continue
        if isinstance(node, ast.If) and is_for_checkers(node):
            yield from _run(node.orelse)
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
