"""Build the API reference from the docstrings, with docs/method.md, as pages in a folder beside docs/.

Run: python docs/build.py site
"""

import importlib
import pkgutil
import sys
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pdoc

DOCS = Path(__file__).resolve().parent
METHOD = "method"


def main(folder: Path) -> None:
    """Write `index.html`, `method.html`, and a page for each module of the packages that are there to be imported."""
    pdoc.render.configure(docformat="google", template_directory=DOCS / "templates")
    sys.modules[METHOD] = page(METHOD, DOCS / "method.md")
    root = DOCS.parent
    found = [*root.glob("attattr/__init__.py"), *sorted(root.glob("pipeline/*/__init__.py"))]
    faces = [path.parent.relative_to(root).parts for path in found if "__all__" in path.read_text(encoding="utf-8")]
    names = [name for parts in faces for name in modules(".".join(parts))]
    # Of types that are imported for type checkers alone.
    warnings.filterwarnings("ignore", category=UserWarning, module="pdoc")
    pdoc.pdoc(METHOD, *names, output_directory=folder)
    sys.stdout.write(f"{folder / 'index.html'}\n")


def modules(package: str) -> list[str]:
    """The package and the modules in it; what its face imports when asked is asked for, as pdoc does not ask."""
    face = importlib.import_module(package)
    for name in face.__all__:
        setattr(face, name, getattr(face, name))
    return [package, *(f"{package}.{found.name}" for found in pkgutil.iter_modules(face.__path__))]


def page(name: str, path: Path) -> ModuleType:
    """A Markdown file, without its title, as the docstring of a module: what pdoc makes a page of."""
    module = ModuleType(name, path.read_text(encoding="utf-8").partition("\n")[2])
    module.__spec__ = ModuleSpec(name, None)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]))
