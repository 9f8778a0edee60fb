"""What the package offers, and what it imports for it."""

import subprocess
import sys
from pathlib import Path

import pytest

import attattr as face

ROOT = Path(__file__).parents[2]
INTEGRATOR = {f"attattr.{name}" for name in ("attribution", "integrate", "quadrature", "encoder", "families")}


def modules_after(statement: str) -> set[str]:
    """What a new process has imported after a statement."""
    program = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_the_package_imports_neither_torch_nor_a_module_of_it():
    loaded = modules_after("import attattr")
    assert "attattr" in loaded
    assert not {name for name in loaded if name.startswith(("attattr.", "torch", "transformers"))}


@pytest.mark.parametrize(
    ("name", "home"), [("masked_heads", "attention"), ("attribution_tree", "tree"), ("AttributionError", "errors")]
)
def test_what_needs_no_integrator_does_not_import_it(name, home):
    loaded = modules_after(f"from attattr import {name}")
    assert f"attattr.{home}" in loaded
    assert not loaded & INTEGRATOR


def test_attribute_imports_the_integrator():
    assert modules_after("from attattr import attribute") >= INTEGRATOR


def test_the_names_are_those_of_their_modules():
    from attattr import attention, attribution, errors, explanations, tree

    assert set(face.__all__) <= set(dir(face))
    found = {name: getattr(face, name) for name in face.__all__}
    assert found == {
        "Attribution": attribution.Attribution,
        "AttributionError": errors.AttributionError,
        "AttributionTree": tree.AttributionTree,
        "Explanations": explanations.Explanations,
        "attribute": attribution.attribute,
        "attribution_tree": tree.attribution_tree,
        "explain": explanations.explain,
        "gradient_x_attention": attribution.gradient_x_attention,
        "masked_heads": attention.masked_heads,
    }


def test_another_name_is_no_attribute():
    assert not hasattr(face, "attribut")
    with pytest.raises(ImportError, match="cannot import name 'attribut'"):
        from attattr import attribut  # noqa: F401
