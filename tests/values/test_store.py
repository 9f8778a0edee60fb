import csv
import errno
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from pipeline.values.store import read_json, read_rows, replace, write_csv, write_json, write_rows

ROWS = [
    {"name": "a, b", "value": 0.1 + 0.2, "count": 3, "edges": [{"query": 1, "key": 2}], "maps": [0.5, 1.5]},
    {"name": 'say "x"\n', "value": 1e-7 / 3, "count": 0, "edges": [], "maps": None},
]
FLAT = [{"name": row["name"], "value": row["value"], "count": row["count"]} for row in ROWS]


def write_all(folder, *, reverse=False):
    """One file of each kind; with `reverse` the keys of JSON come in another order."""
    values = {"b": [1, 2.5, None], "a": {"y": 1 / 3, "x": "ä"}, "c": True}
    if reverse:
        values = {key: dict(reversed(v.items())) if isinstance(v, dict) else v for key, v in reversed(values.items())}
    write_json(folder / "x.json", values)
    write_rows(folder / "x.parquet", ROWS)
    write_csv(folder / "x.csv", FLAT)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    write_all(tmp_path / "one")
    write_all(tmp_path / "two", reverse=True)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["x.csv", "x.json", "x.parquet"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_json_by_hand(tmp_path):
    write_json(tmp_path / "x.json", {"b": (1, 2.0), "a": {"ä": 0.1 + 0.2, "t": True, "n": None}})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == (
        '{\n  "a": {\n    "n": null,\n    "t": true,\n    "ä": 0.3\n  },\n  "b": [\n    1,\n    2.0\n  ]\n}\n'
    )


def test_json_is_read_back_to_ten_digits(tmp_path):
    values = {"third": 1 / 3, "small": 1.23456789012345e-20, "big": 123456789012.345, "int": 12345678901234567}
    write_json(tmp_path / "x.json", values)
    found = read_json(tmp_path / "x.json")
    assert found["int"] == values["int"]
    for name in ("third", "small", "big"):
        assert found[name] == pytest.approx(values[name], rel=1e-9)
        assert found[name] != values[name]
    assert json.loads((tmp_path / "x.json").read_text()) == found


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_cannot_hold(tmp_path, value):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": value})
    assert read_json(tmp_path / "x.json") == {"a": 1}


def test_parquet_keeps_rows_types_and_full_precision(tmp_path):
    write_rows(tmp_path / "x.parquet", ROWS)
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist() == ROWS


def test_a_table_without_rows_is_read_back_whatever_is_asked_of_it(tmp_path):
    write_rows(tmp_path / "x.parquet", [])
    assert read_rows(tmp_path / "x.parquet") == []
    assert read_rows(tmp_path / "x.parquet", columns=["name"], count=3) == []


def test_csv_has_a_header_and_ten_digits(tmp_path):
    write_csv(tmp_path / "x.csv", FLAT)
    with (tmp_path / "x.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found == [
        {"name": "a, b", "value": "0.3", "count": "3"},
        {"name": 'say "x"\n', "value": "3.333333333e-08", "count": "0"},
    ]
    assert (tmp_path / "x.csv").read_bytes().startswith(b"name,value,count\n")
    assert b"\r" not in (tmp_path / "x.csv").read_bytes()


def test_rows_with_another_column_are_refused_and_leave_the_old_file(tmp_path):
    write_csv(tmp_path / "x.csv", FLAT)
    before = (tmp_path / "x.csv").read_bytes()
    with pytest.raises(ValueError, match="extra"):
        write_csv(tmp_path / "x.csv", [FLAT[0], {**FLAT[1], "extra": 1}])
    assert (tmp_path / "x.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: replace(path, b"new"),
        lambda path: write_json(path, {"a": 2}),
        lambda path: write_rows(path, ROWS),
        lambda path: write_csv(path, FLAT),
    ],
)
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch, write):
    path = tmp_path / "folder" / "x"
    replace(path, b"old")
    seen = []

    def killed(self, target):
        # At this point the new content is written elsewhere, and the old file is still there.
        seen.append((path.read_bytes(), self.parent, Path(target)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write(path)
    assert seen == [(b"old", path.parent, path)]
    assert path.read_bytes() == b"old"
    write(path)
    assert path.read_bytes() != b"old"


@pytest.mark.parametrize("content", [b"new", b"much longer than before"])
def test_a_file_that_cannot_be_replaced_is_written_where_it_is(tmp_path, monkeypatch, content):
    """Mounted by itself, or of another user in a shared folder."""
    path = tmp_path / "x"
    path.write_bytes(b"old content")
    node = path.stat().st_ino

    def busy(_self, _target):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    replace(path, content)
    assert (path.read_bytes(), path.stat().st_ino) == (content, node)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_folders_are_made(tmp_path):
    write_all(tmp_path / "a" / "b")
    assert len(list((tmp_path / "a" / "b").iterdir())) == 3
