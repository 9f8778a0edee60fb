"""Write LICENCES.md: what every pinned package says of its licence, from the metadata of what is installed here.

Run: make licences
"""

from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "requirements.lock": "The pipeline",
    "requirements.model.lock": "What computes the numbers",
    "requirements.notebook.lock": "JupyterLab, for the notebooks alone",
}
LONGEST = 60  # letters; a longer one is the whole text of a licence


def main() -> None:
    """Every pin of every lock file, in a table each."""
    parts = [
        "# Licences of the pinned packages\n",
        "The project itself is under the MIT licence (`LICENSE`). Its packages say this of themselves:\n",
    ]
    for lock, title in LOCKS.items():
        parts.append(f"## {title}\n\nOf `{lock}`.\n\n| package | version | licence |\n|---|---|---|")
        parts += [f"| {name} | {version} | {licence(metadata(name))} |" for name, version in pins(ROOT / lock)]
        parts.append("")
    (ROOT / "LICENCES.md").write_text("\n".join(parts), encoding="utf-8")


def pins(lock: Path) -> list[tuple[str, str]]:
    """Names and versions that a lock file pins, in its order."""
    lines = [line.partition("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return [(one.name, next(iter(one.specifier)).version) for one in wanted]


def licence(of: PackageMetadata) -> str:
    """The SPDX expression, or else the classifiers, or else what is written there, if it is no whole text."""
    known = of.json
    if expression := known.get("license_expression"):
        return str(expression)
    classifiers = [str(one) for one in known.get("classifier", []) if str(one).startswith("License ::")]
    names = [one.rpartition(" :: ")[2] for one in classifiers if not one.endswith(":: OSI Approved")]
    if names:
        return ", ".join(names)
    text = str(known.get("license", "")).strip()
    return text if text and len(text) <= LONGEST and "\n" not in text else "see its files"


if __name__ == "__main__":
    main()
