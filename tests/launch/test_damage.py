"""Bits flipped in, and ends cut off, files of every kind that stages read: each is refused in one line, by its name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from pipeline.errors import InputError
from pipeline.launch.inputs import check_inputs, read_inputs
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.store import write_csv, write_json, write_rows
from pipeline.values.sums import write_sums

GRAPH = yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]
ROWS = [{"example_id": f"e-{number}", "value": number / 7} for number in range(40)]


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files of every stage's outputs, for one model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_bytes((SOURCE / "dvc.yaml").read_bytes())
    for stage, entry in GRAPH.items():
        item = "-".join({"task": "negation", "seed": "1"}[key] for key in entry.get("matrix", ()))
        for out in entry["outs"]:
            path = Path(out.replace("${item.task}", "negation").replace("${item.seed}", "1"))
            if path.suffix == ".parquet":
                write_rows(path, ROWS)
            elif not path.suffix:
                write_rows(path / "outcomes.parquet", ROWS)
                write_csv(path / "table.csv", ROWS)
                write_json(path / "part/facts.json", {"rows": ROWS})
            else:
                continue  # the digests beside a file
            write_sums(path, owner=f"{stage}@{item}" if item else stage)
    return sorted(path for path in Path("outputs").rglob("*") if path.is_file())


def damage(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if draw.random() < 0.25:
        del content[draw.randrange(len(content)) :]
    else:
        place = draw.randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


@pytest.mark.parametrize("stage", [stage for stage, entry in GRAPH.items() if "outputs/" in str(entry["deps"])])
def test_no_damage_is_silent(outputs: list[Path], stage: str) -> None:
    declared = read_declaration(stage)
    model = {"task": "negation", "seed": 1}
    values = compose_params(["preset=mini", "tasks=[negation]", "seeds=[1]"])
    config = StageConfig(
        values, stage=stage, declared=declared.sections, **{key: model[key] for key in declared.matrix}
    )
    found = read_inputs(config, declared)
    check_inputs(found)
    read = [path for path in outputs if any(path == place or place in path.parents for place in found.values())]
    draw = random.Random(stage)
    for path in read:
        whole = path.read_bytes()
        for _ in range(10):
            damage(path, draw)
            with pytest.raises(InputError) as refused:
                check_inputs(found)
            line = str(refused.value)
            assert str(path) in line or str(path.parent) in line
            assert "\n" not in line
            assert "and run: dvc repro " in line
            path.write_bytes(whole)
    check_inputs(found)
