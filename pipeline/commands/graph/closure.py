"""The files of the project that running a module runs, found in its source."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PIPELINE = ROOT / "pipeline"
METHOD = ROOT / "attattr"
# What starts, tracks and shows a stage, but never makes a number.
OUTSIDE = tuple(PIPELINE / room for room in ("launch", "terminal", "tracking"))


def closure(start: Path) -> set[Path]:
    """`start`, and every file that it imports, directly or not.

    The rooms `OUTSIDE` are left out, and what only they import. What is imported for type checkers alone is left out, as it is not run.
    """
    seen: set[Path] = set()
    waiting = {start}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= {file for file in own_imports(path) if not {*OUTSIDE} & {*file.parents}} - seen
    return seen


def own_imports(path: Path) -> set[Path]:
    """Files of this project that importing `path` runs: the modules it names, and their packages."""
    found = set()
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] not in ("attattr", "pipeline"):
            continue
        if "*" in name:
            found |= set(ROOT.glob(f"{'/'.join(parts)}.py"))
        elif module_file(name):
            found |= {module_file(".".join(parts[:count])) for count in range(1, len(parts) + 1)}
    return {file for file in found if file}


@cache
def imported_names(path: Path) -> frozenset[str]:
    """Every dotted name that a file imports when it runs, at its top or inside a function.

    In `import_module(f"pipeline.{name}.x")` what is filled in is a star.
    """
    names: set[str] = set()
    for node in _run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            # `from package import name`: the name may be a module.
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            argument = node.args[0]
            parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
            names.add("".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts))
    return frozenset(names)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node`, save what stands under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        yield child
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _run(other)
        else:
            yield from _run(child)


def module_file(name: str) -> Path | None:
    """The file of a module of this project, None for what is none (a function, another project)."""
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def has_code(path: Path) -> bool:
    """Whether a file is more than a docstring."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def exact_deps(start: Path) -> list[str]:
    """The shortest list of files, and of folders of which every file is needed, that is the closure of `start`."""
    needed = {path for path in closure(start) if has_code(path)}
    listed: list[Path] = []
    folders = sorted(
        {folder for path in needed for folder in path.parents if PIPELINE in folder.parents or folder == METHOD}
    )
    for folder in folders:
        inside = {path for path in folder.rglob("*.py") if has_code(path)}
        if len(inside) > 1 and inside <= needed:
            listed.append(folder)
            needed -= inside
    return sorted(str(path.relative_to(ROOT)) for path in {*listed, *needed})
