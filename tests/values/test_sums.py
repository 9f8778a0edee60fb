"""Digests beside an output: whole, complete and its own stage's, or refused by name."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError
from pipeline.values.sums import check_sums, sums_file, write_sums

if TYPE_CHECKING:
    from pathlib import Path

OWNER, REMEDY = "prune@sst2-1", "make it again"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sst2-1"
    (folder / "part").mkdir(parents=True)
    (folder / "outcomes.parquet").write_bytes(bytes(range(256)))
    (folder / "part/facts.json").write_text("{}\n")
    (folder / "part/empty").touch()
    write_sums(folder, owner=OWNER)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "sst2-1.parquet"
    file.write_bytes(b"rows")
    write_sums(file, owner=OWNER)
    return file


def refusal(path: Path, owner: str | None = OWNER) -> str:
    with pytest.raises(InputError) as caught:
        check_sums(path, owner=owner, remedy=REMEDY)
    return str(caught.value)


def test_what_was_written_passes_and_sha256sum_reads_it(folder: Path, file: Path) -> None:
    for path in (folder, file):
        for owner in (OWNER, None):
            check_sums(path, owner=owner, remedy=REMEDY)
    for sums in (sums_file(folder), sums_file(file)):
        command = ["sha256sum", "--check", "--strict", "--quiet", sums.name]
        assert subprocess.run(command, cwd=sums.parent, check=False).returncode == 0


def test_the_same_files_have_the_same_digests(folder: Path) -> None:
    before = sums_file(folder).read_bytes()
    write_sums(folder, owner=OWNER)
    assert sums_file(folder).read_bytes() == before


def test_no_flipped_bit_of_any_file_passes(folder: Path, file: Path) -> None:
    for output in (folder, file):
        for path in [*output.rglob("*"), file.with_suffix(".sha256")] if output.is_dir() else [output]:
            if not path.is_file() or not path.stat().st_size:
                continue
            whole, of = path.read_bytes(), file if path.suffix == ".sha256" else output
            for place in random.Random(0).sample(range(8 * len(whole)), min(8 * len(whole), 400)):
                damaged = bytearray(whole)
                damaged[place // 8] ^= 1 << place % 8
                path.write_bytes(damaged)
                assert refusal(of).endswith(f": {REMEDY}")
                assert "\n" not in refusal(of)
            path.write_bytes(whole)
            check_sums(of, owner=OWNER, remedy=REMEDY)


def test_every_kind_of_damage_is_named(folder: Path) -> None:
    facts = folder / "part/facts.json"
    facts.write_text("{}")
    assert refusal(folder) == f"{facts} is damaged: it is not what was written (SHA-256 differs): {REMEDY}"
    facts.unlink()
    assert refusal(folder) == f"{facts} is missing, which {sums_file(folder)} lists: {REMEDY}"
    facts.write_text("{}\n")
    (folder / "more").touch()
    assert refusal(folder) == f"{folder / 'more'} is not among the files that {sums_file(folder)} lists: {REMEDY}"
    (folder / "more").unlink()
    whole = sums_file(folder).read_bytes()
    for cut in (0, 5, len(whole) - 1, len(whole) - 30):
        sums_file(folder).write_bytes(whole[:cut])
        assert refusal(folder) == f"{sums_file(folder)} is damaged: {REMEDY}"


def test_anothers_output_is_not_taken(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "sst2-2"
    shutil.copytree(folder, other)
    assert refusal(other, "prune@sst2-2") == f"{other} is of prune@sst2-1, not of prune@sst2-2: {REMEDY}"
    check_sums(other, owner=None, remedy=REMEDY)


def test_what_an_earlier_version_wrote_passes(folder: Path) -> None:
    sums_file(folder).unlink()
    (folder / "part/facts.json").write_text("{ }\n")
    check_sums(folder, owner=OWNER, remedy=REMEDY)
