"""What a run reads and leaves, by dvc.yaml; and that it is named as DVC names it."""

import json
from pathlib import Path

import pytest
import yaml
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree

from pipeline.tracking import lineage
from pipeline.values.config import StageConfig
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params

EMPTY = "d41d8cd98f00b204e9800998ecf8427e"  # the MD5 of nothing


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the project's graph."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text((SOURCE / "dvc.yaml").read_text())
    return tmp_path


def config(stage: str, **changes: object) -> StageConfig:
    params = compose_params(["preset=mini", "seeds=[1,2]"])
    return StageConfig(params, stage=stage, declared=frozenset(), **changes)  # type: ignore[arg-type]


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_a_folders_hash_is_dvcs() -> None:
    names = ("b/z.json", "b-a.json", "\N{LATIN SMALL LETTER E WITH ACUTE}")
    make(*(f"outputs/data/rte-1/{name}" for name in names))
    tree = Tree()
    for name in names:
        tree.add(tuple(name.split("/")), Meta(), HashInfo("md5", EMPTY))
    tree.digest()
    held = lineage.Held(Path("outputs/data/rte-1"))
    assert tree.hash_info
    assert held.md5 == tree.hash_info.value
    assert held.md5.endswith(".dir")
    assert held.reference == f"dvc://files/md5/{held.md5[:2]}/{held.md5[2:]}"
    make("outputs/predictions/rte-1.parquet")
    assert lineage.Held(Path("outputs/predictions/rte-1.parquet")).md5 == EMPTY


def test_a_run_reads_and_leaves_what_the_graph_says() -> None:
    for name in ("data", "models", "attributions", "prune"):
        make(*(f"outputs/{name}/{task}-{seed}/x" for task in ("negation", "inference") for seed in (1, 2)))
    make("outputs/analysis/tree/x", "outputs/predictions/negation-1.parquet")
    of_model = {"task": "negation", "seed": 2}
    names = {held.name: held.kind for held in lineage.inputs(config("tree", **of_model))}
    assert names == {"data-negation-2": "data", "models-negation-2": "model", "attributions-negation-2": "scores"}
    # The outputs of all models, one by one, as they are made; and a folder that is one output.
    of_all = [held.name for held in lineage.inputs(config("universality", **of_model))]
    assert {name for name in of_all if name.startswith("prune")} == {
        f"prune-{task}-{seed}" for task in ("negation", "inference") for seed in (1, 2)
    }
    assert [held.name for held in lineage.inputs(config("tables"))] == ["analysis"]
    left = lineage.outputs(config("finetune", task="negation", seed=1))
    kinds = {held.name: held.kind for held in left}
    assert kinds == {"models-negation-1": "model", "predictions-negation-1": "outcomes"}


def test_what_dvc_does_not_hold_is_no_artifact() -> None:
    make("outputs/tree/negation-1/x")
    of_model = {"task": "negation", "seed": 1}
    assert lineage.outputs(config("tree", **of_model))
    assert not lineage.outputs(config("tree", **of_model, output_root=Path("scratch/tree")))
    assert not lineage.outputs(config("prune", **of_model))  # has not been written


def test_every_output_of_the_graph_has_a_name_of_its_own() -> None:
    graph = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    outs = [out.replace("${item.", "{") for stage in graph.values() for out in stage["outs"]]
    # Digests beside a file are of one with it.
    names = [lineage.Held(Path(out)).name for out in outs if not out.endswith(".sha256")]
    assert len(names) == len({*names})


def test_an_artifact_is_a_reference_without_bytes() -> None:
    make("outputs/tree/negation-1/x")
    held = lineage.Held(Path("outputs/tree/negation-1"))
    made = lineage.artifact(held)
    (entry,) = made.manifest.entries.values()
    assert (made.name, made.type, made.metadata) == ("tree-negation-1", "outcomes", {"md5": held.md5})
    assert (entry.path, entry.ref, entry.local_path) == ("outputs/tree/negation-1", held.reference, None)
    assert str(Path.cwd()) not in json.dumps(made.manifest.to_manifest_json())


def test_what_no_run_makes_is_no_input_to_link() -> None:
    make("outputs/view/negation-1/views.json", "outputs/data/negation-1/x")
    assert [held.name for held in lineage.inputs(config("examples"))] == ["data-negation-1"]
