"""The lines of a stage: what it runs, piece by piece, so that a comparison of two says why the stage runs again."""

import ast
import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import yaml

from pipeline.digests.closure import closure, handed, packages, parsed
from pipeline.digests.pins import pins
from pipeline.digests.said import digest

HERE = "Path(__file__)"
CONF = {"PRESETS": "conf"}  # how source names a folder of the repository


def lines(stage: str, *, sections: Iterable[str], root: Path) -> list[str]:
    """Everything that can change what a stage computes, beside its values and inputs: a path or a name, and a digest.

    That is every file that it imports, without the rooms that start, track and show a stage; the classes of what it is
    handed (its `sections` of the values, a task); the files that those read beside themselves; and the versions of the
    packages that they import (docs/method.md, "What runs again").
    """
    files = closure(root / "pipeline" / f"{stage}.py", root)
    found = {str(path.relative_to(root)): said for path in files if (said := digest(path))}
    for one in handed(files, root, sections=sections):
        found[f"{one.file.relative_to(root)}:{one.name}"] = str(digest(*one))
    for path in files:
        found |= {str(file.relative_to(root)): _content(file) for file in beside(path, root)}
    imported = {name for path in files for name in packages(path)}
    return [*(f"{name} {found[name]}" for name in sorted(found)), *pins(imported, root)]


def all_lines(root: Path) -> dict[str, list[str]]:
    """The lines of every stage of the graph in `root` that computes: all but `source`, which writes them."""
    graph = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    declared = {
        name: [one for one in entry.get("params") or [] if isinstance(one, str)] for name, entry in graph.items()
    }
    return {name: lines(name, sections=declared[name], root=root) for name in graph if name != "source"}


@cache
def beside(path: Path, root: Path) -> list[Path]:
    """The files that a module reads beside itself, or of conf/: all of a folder where it does not name one."""
    text = path.read_text(encoding="utf-8")
    if not any(name in text for name in (HERE, *CONF)):
        return []
    places, named = set[Path](), set[ast.AST]()
    for node in ast.walk(parsed(path)):
        place, base = _place(node, path, root)
        if place:
            places.add(place)
            named.add(base)
    bare = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Name) and node.id in CONF]
    places |= {root / CONF[node.id] for node in bare if node not in named and isinstance(node.ctx, ast.Load)}
    return sorted(file for place in places for file in _files(place))


def _place(node: ast.AST, path: Path, root: Path) -> tuple[Path | None, ast.AST]:
    """The path in `Path(__file__).parent / "name"`, `Path(__file__).with_name("name")`, `PRESETS / "name"`.

    It is the folder where the name is only known when it runs.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
        base = ast.unparse(node.left)
        folder = path.parent if base == f"{HERE}.parent" else root / CONF[base] if base in CONF else None
        return (folder / str(node.right.value) if folder else None), node.left
    if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{HERE}.with_name":
        name = node.args[0]
        return path.with_name(str(name.value)) if isinstance(name, ast.Constant) else path.parent, node.func
    return None, node


def _files(place: Path) -> Iterator[Path]:
    found = [place] if place.is_file() else place.rglob("*")
    return (file for file in found if file.is_file() and file.suffix not in (".py", ".pyc"))


@cache
def _content(path: Path) -> str:
    """A digest of a file; of YAML what it says, without comments."""
    content = path.read_bytes()
    if path.suffix == ".yaml":
        content = json.dumps(yaml.safe_load(content), default=str).encode()
    return sha256(content).hexdigest()[:16]
