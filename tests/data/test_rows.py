"""Parquet files as other tools write them, and as disks damage them."""

import random
import string

import pyarrow
import pyarrow.parquet
import pytest

from pipeline.data.rows import read_rows
from pipeline.errors import InputError
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()
MUST = "it must be one of 0, 1, entailment, not_entailment"

FIRST, SECOND, LABELS = ["one", "two", "é ü", "four"], ["x", "y", "z", "w"], [0, 1, 0, 1]
ROWS = [{"sentence1": a, "sentence2": b, "label": c} for a, b, c in zip(FIRST, SECOND, LABELS, strict=True)]
NAMES = ["sentence1", "sentence2", "label"]


@pytest.fixture
def read(tmp_path):
    """`read(first, second, label, *more, names=..., **options)`: the rows of a file with these columns."""

    def run(*columns, names=NAMES, **options):
        arrays = [column if isinstance(column, pyarrow.Array) else pyarrow.array(column) for column in columns]
        path = tmp_path / "train.parquet"
        pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=names), path, **options)
        return read_rows(path, TASKS["rte"])

    return run


@pytest.fixture
def refusal(read, tmp_path):
    def run(*columns, **options):
        with pytest.raises(InputError) as caught:
            read(*columns, **options)
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        return message.replace(str(tmp_path), "")

    return run


def encoded(values, kind):
    """The values as an array of this type; a dictionary takes its indices' type."""
    array = pyarrow.array(values)
    return (array.dictionary_encode() if pyarrow.types.is_dictionary(kind) else array).cast(kind)


TEXT = [pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()]
TEXT += [pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view()]
TEXT += [
    pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    pyarrow.dictionary(pyarrow.int8(), pyarrow.large_string()),
]


@pytest.mark.parametrize("kind", TEXT, ids=str)
def test_text_of_every_type(read, kind):
    assert read(encoded(FIRST, kind), SECOND, LABELS) == ROWS


WHOLE = [getattr(pyarrow, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize("kind", [*WHOLE, pyarrow.dictionary(pyarrow.int8(), pyarrow.int64())], ids=str)
def test_labels_of_every_whole_type(read, kind):
    rows = read(FIRST, SECOND, encoded(LABELS, kind))
    assert rows == ROWS
    assert {type(row["label"]) for row in rows} == {int}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0.0, 1.0, 0.0, 1.0], "double"),
        (pyarrow.array([0, 1, 0, 1], pyarrow.float32()), "float"),
        ([False, True, False, True], "bool"),
        ([None] * 4, "null"),
        ([[0], [1], [0], [1]], "list<element: int64>"),
        (
            pyarrow.array([b"0", b"1", b"0", b"1"]).dictionary_encode(),
            "dictionary<values=binary, indices=int32, ordered=0>",
        ),
    ],
)
def test_labels_of_another_type_are_refused(refusal, labels, kind):
    line = f"/train.parquet has a column label of type {kind}: it must hold text or whole numbers"
    assert refusal(FIRST, SECOND, labels) == line


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ([1, 2, 3, 4], "int64"),
        ([["a"], ["b"], ["c"], ["d"]], "list<element: string>"),
        ([{"a": "b"}] * 4, "struct<a: string>"),
    ],
)
def test_texts_of_another_type_are_refused(refusal, texts, kind):
    assert refusal(texts, SECOND, LABELS) == f"/train.parquet has a column sentence1 of type {kind}: it must hold text"


@pytest.mark.parametrize(
    ("column", "values", "line"),
    [
        (2, [0, None, 1, 1], f"row 1 has label None: {MUST}"),
        (2, [0, 1, 2, 1], f"row 2 has label 2: {MUST}"),
        (
            2,
            pyarrow.array([0, 1, 1, -1], pyarrow.int8()),
            f"row 3 has label -1: {MUST}",
        ),
        (
            2,
            pyarrow.array([2**64 - 1, 1, 1, 1], pyarrow.uint64()),
            f"row 0 has label {2**64 - 1}: {MUST}",
        ),
        (0, ["a", None, "b", "c"], "row 1 has no text in column sentence1"),
        (1, ["a", "b", "\u00a0\t\n", "c"], "row 2 has no text in column sentence2"),
        (1, pyarrow.array(["a", "b", "c", ""]).dictionary_encode(), "row 3 has no text in column sentence2"),
    ],
)
def test_a_bad_value_is_named_with_its_row(refusal, column, values, line):
    columns = [FIRST, SECOND, LABELS]
    columns[column] = values
    assert refusal(*columns) == f"/train.parquet {line}"


# The text "a", then a byte that is no UTF-8, "b", "c": as a column of text that nobody has checked.
NO_UTF8 = pyarrow.Array.from_buffers(
    pyarrow.string(), 4, [None, pyarrow.array(range(5), pyarrow.int32()).buffers()[1], pyarrow.py_buffer(b"a\xffbc")]
)


@pytest.mark.parametrize(
    "texts", [NO_UTF8, NO_UTF8.dictionary_encode(), [text.encode("latin-1") for text in FIRST], NO_UTF8.cast("binary")]
)
def test_text_that_is_not_utf8_is_refused(refusal, texts):
    assert refusal(FIRST, texts, LABELS) == (
        "/train.parquet has a column sentence2 that is not UTF-8 text (Invalid UTF8 payload): store it as UTF-8"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_occurs_twice_is_refused(refusal, name):
    again = dict(zip(NAMES, (FIRST, SECOND, LABELS), strict=True))[name]
    line = f"/train.parquet has 2 columns {name}: leave one"
    assert refusal(FIRST, SECOND, LABELS, again, names=[*NAMES, name]) == line


def test_other_columns_are_not_read_whatever_they_hold(read):
    more = [NO_UTF8, [{"a": [b"\xff"]}] * 4, [None] * 4, [1.5] * 4, LABELS, LABELS]
    names = [*NAMES, "a", "b", "label.c", "sentence1.d", "idx", "idx"]
    assert read(FIRST, SECOND, LABELS, *more, names=names) == ROWS


@pytest.mark.parametrize("options", [{"row_group_size": 1}, {"compression": "zstd"}, {"use_dictionary": False}])
def test_however_it_is_stored(read, options):
    assert read(FIRST, SECOND, LABELS, **options) == ROWS


def test_a_file_of_other_columns_or_no_rows_is_refused(refusal):
    assert refusal(FIRST, names=["text"]) == "/train.parquet has no column sentence1: it has text"
    assert refusal(names=[]) == "/train.parquet has no column sentence1: it has none"
    empty = pyarrow.array([], pyarrow.string())
    line = "/train.parquet holds no examples"
    assert refusal(empty, empty, pyarrow.array([], pyarrow.int64())) == line


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_damaged_pages_under_a_good_footer_are_one_line(tmp_path, compression):
    path, drawn = tmp_path / "train.parquet", random.Random(0)
    texts = ["".join(drawn.choices(string.ascii_letters, k=20)) for _ in range(200)]
    table = pyarrow.table({"sentence1": texts, "sentence2": texts[::-1], "label": [0, 1] * 100})
    pyarrow.parquet.write_table(table, path, compression=compression, write_page_checksum=True)
    good, rows = path.read_bytes(), read_rows(path, TASKS["rte"])
    footer = int.from_bytes(good[-8:-4], "little") + 8
    lines = []
    for _ in range(60):
        damaged = bytearray(good)
        for _ in range(drawn.choice((1, 5, 50))):
            damaged[drawn.randrange(4, len(good) - footer)] ^= drawn.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            assert read_rows(path, TASKS["rte"]) == rows  # a byte without meaning
        except InputError as error:
            lines.append(str(error))
    assert len(lines) > 50
    for line in lines:
        assert len(line.splitlines()) == 1
        assert any(f"has a column {name} that cannot be read (" in line for name in NAMES)
