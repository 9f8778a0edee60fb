"""Write into dvc.yaml which source files every stage runs.

Exactly its imports, by file or by whole folder. For whoever added or removed an import, or a stage: data, folders of
templates and pins stay as they are.

Run: python -m pipeline.commands.deps
"""

import os
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.commands.graph.closure import PIPELINE, ROOT, exact_deps
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import GRAPH_FILE
from pipeline.values.paths import repository


def main(arguments: list[str] | None = None) -> None:
    """Bring the deps of every stage up to date."""
    command_parser("deps", __doc__).parse_args(arguments)
    with exit_on_bad_input():
        os.chdir(repository())
        yaml = YAML()
        yaml.preserve_quotes, yaml.width = True, 1_000_000
        yaml.indent(mapping=2, sequence=4, offset=2)
        graph = yaml.load(GRAPH_FILE)
        for name, stage in graph["stages"].items():
            source = exact_deps(PIPELINE / f"{name}.py")
            if {dep for dep in stage["deps"] if is_source(dep)} != set(source):
                own = f"pipeline/{name}.py"
                others = [dep for dep in stage["deps"] if not is_source(dep)]
                stage["deps"] = [own, *(dep for dep in source if dep != own), *others]
        yaml.dump(graph, GRAPH_FILE)


def is_source(dep: str) -> bool:
    """Whether what dvc.yaml lists is a Python file of the pipeline, or a folder with some; it need not exist."""
    path = ROOT / dep
    return Path(dep).parts[0] in ("attattr", "pipeline") and (path.suffix == ".py" or any(path.rglob("*.py")))


if __name__ == "__main__":
    main()
