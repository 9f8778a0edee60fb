"""What running a module of the project runs: the files that it imports, and the classes of what it is handed."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import InputError

ROOTS = ("attattr", "pipeline")
# What starts, tracks and shows a stage, but never makes a number.
OUTSIDE = ("launch", "terminal", "tracking")
# Where the classes of all values are: a stage is handed the sections that it declares.
SCHEMA, ALL_VALUES, UNTRACKED = "pipeline/values/schema.py", "Params", "run"
CLASS = ast.ClassDef


class Definition(NamedTuple):
    """A class, a function or a constant at the top of a file."""

    file: Path
    name: str


class Imported(NamedTuple):
    """A name that a file imports, with the module that it says it is from; without a name it is a module."""

    module: str
    name: str | None
    bound: str
    """What it is called in the file."""


def closure(start: Path, root: Path) -> set[Path]:
    """`start`, and every file of the project in `root` that it imports when it runs, without the rooms `OUTSIDE`."""
    seen: set[Path] = set()
    waiting = {start}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= {file for file in own_imports(path, root) if not is_outside(file, root)} - seen
    return seen


def handed(files: Iterable[Path], root: Path, *, sections: Iterable[str]) -> set[Definition]:
    """What reaches `files` as an object whose class they import for type checkers alone, and all that it is made of.

    Of all values only the classes of `sections` are taken, those that a stage declares. What is in `files` anyway is
    left out.
    """
    known, found, schema = {*files}, set[Definition](), root / SCHEMA
    waiting = [one for path in known for one in _checked_classes(path, root)]
    untracked = _section_classes(schema, [UNTRACKED]) if waiting else []
    while waiting:
        one = waiting.pop()
        if one == (schema, ALL_VALUES):
            waiting += _section_classes(schema, sections)
        elif one in found or one in untracked or one.file in known or is_outside(one.file, root):
            continue
        elif node := definitions(one.file).get(one.name):
            found.add(one)
            waiting += [Definition(one.file, name) for name in names(node)]
        else:
            origins = (other for other in imports(one.file).all if other.bound == one.name and other.name)
            waiting += [Definition(file, str(o.name)) for o in origins if (file := module_file(o.module, root))]
    return found


@cache
def _checked_classes(path: Path, root: Path) -> list[Definition]:
    """The classes that a file imports for type checkers alone."""
    if path.name == "__init__.py":  # a package tells type checkers what it imports when it is asked
        return []
    pairs = [(module_file(one.module, root), str(one.name)) for one in imports(path).checked]
    return [Definition(file, name) for file, name in pairs if file and isinstance(definitions(file).get(name), CLASS)]


def _section_classes(schema: Path, sections: Iterable[str]) -> list[Definition]:
    """The classes of sections of the values, and those of `UNTRACKED` with the classes in it."""
    wanted = {*sections}
    fields = [part for part in ast.walk(definitions(schema)[ALL_VALUES]) if isinstance(part, ast.AnnAssign)]
    found = [name for part in fields if ast.unparse(part.target) in wanted for name in names(part.annotation)]
    if UNTRACKED in wanted:
        found += [name for one in [*found] for name in names(definitions(schema)[one])]
    return [Definition(schema, name) for name in found if isinstance(definitions(schema).get(name), CLASS)]


@cache
def own_imports(path: Path, root: Path) -> frozenset[Path]:
    """Files of the project that importing `path` runs: the modules it names, and their packages."""
    parts = [module.split(".") for one in imports(path).run for module in _modules(one, root)]
    listed = {".".join(names[: end + 1]) for names in parts for end in range(len(names))}
    return frozenset(file for name in listed if (file := module_file(name, root)))


def _modules(one: Imported, root: Path) -> Iterator[str]:
    """The project's modules that an import runs."""
    if one.module.split(".")[0] not in ROOTS:
        return
    if "*" in one.module:
        for path in root.glob(f"{one.module.replace('.', '/')}.py"):
            yield ".".join(path.relative_to(root).with_suffix("").parts)
        return
    yield one.module
    if one.name:
        yield f"{one.module}.{one.name}"  # the name may be a module
        # Or one that a package imports when it is asked for it, and tells type checkers of.
        face = module_file(one.module, root)
        if face and face.name == "__init__.py":
            yield from (other.module for other in imports(face).checked if other.bound == one.name)


@cache
def module_file(name: str, root: Path) -> Path | None:
    """The file of a module of this project, None for what is none (a function, another project)."""
    base = root.joinpath(*name.split("."))
    if name.split(".")[0] not in ROOTS:
        return None
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def is_outside(path: Path, root: Path) -> bool:
    """Whether a file starts, tracks or shows a stage."""
    return path.relative_to(root).parts[:2] in {("pipeline", room) for room in OUTSIDE}


class Imports(NamedTuple):
    """What a file imports."""

    run: tuple[Imported, ...]
    checked: tuple[Imported, ...]
    """Under `if TYPE_CHECKING`."""

    @property
    def all(self) -> tuple[Imported, ...]:
        """Both."""
        return self.run + self.checked


def packages(path: Path) -> set[str]:
    """The packages of others, and Python's own, that a file imports when it runs."""
    return {root for one in imports(path).run if (root := one.module.split(".")[0]) not in {*ROOTS, "*"}}


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree; InputError where it is no Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise InputError(f"{path}{f', line {line},' if line else ''} is no valid Python: {error.args[0]}") from None


@cache
def definitions(path: Path) -> dict[str, ast.stmt]:
    """What is bound at the top of a file by a statement that is no import, by name."""
    found: dict[str, ast.stmt] = {}
    for node in parsed(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name: node for target in targets for name in names(target)}
    return found


@cache
def names(node: ast.AST) -> list[str]:
    """The names in a piece of code, those in annotations that are text included."""
    found = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [*dict.fromkeys([*found, *(text for text in texts if text.isidentifier())])]


def is_for_checkers(node: ast.AST) -> bool:
    """Whether it is an `if TYPE_CHECKING`, whose body is not run."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imports(path: Path) -> Imports:
    """What a file imports, at its top or inside a function."""
    run: list[Imported] = []
    checked: list[Imported] = []

    def walk(node: ast.AST, into: list[Imported]) -> None:
        into += _imported(node, path)
        for child in children(node):
            if isinstance(child, ast.If) and is_for_checkers(child):
                for part in child.body:
                    walk(part, checked)
                for part in child.orelse:
                    walk(part, into)
            else:
                walk(child, into)

    # Most files import by statements alone, of which there are a tenth of all nodes.
    children = ast.iter_child_nodes if "import_module" in path.read_text(encoding="utf-8") else _statements
    walk(parsed(path), run)
    return Imports(tuple(run), tuple(checked))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements directly in another, and the handlers and cases that hold some."""
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        inner = getattr(node, name, None)
        if isinstance(inner, list):  # a conditional expression has a body, too
            yield from inner


def _imported(node: ast.AST, path: Path) -> Iterator[Imported]:
    """What one statement, or a call of `import_module`, imports; what is filled into its name is a star."""
    if isinstance(node, ast.Import):
        yield from (Imported(alias.name, None, alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            raise InputError(f"{path} imports relatively, which the digest of a stage's source cannot follow")
        yield from (Imported(str(node.module), alias.name, alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        argument = node.args[0]
        parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
        texts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts]
        yield Imported("".join(texts), None, "")
