"""Files of a user's own task: CSV, TSV and Parquet with columns and labels of their own."""

import csv

import pyarrow
import pyarrow.parquet
import pytest
from pydantic import ValidationError

from pipeline.data.sources import load_rows
from pipeline.errors import InputError
from pipeline.values.inputs import Data
from pipeline.values.task_table import Task

LABELS = ["World", "Sport", "Business", "Sci/Tech"]
TEXTS = ['a "quoted" word', "two\nlines", "comma, and\ttab", "plain é"]
ROWS = [{"headline": text, "label": number} for number, text in enumerate(TEXTS)]
DATA = Data(source="folder", dep="external/mine", name="mine", revision=None, n_train=None, n_dev=None)


def task(**changes):
    given = {"texts": ["headline"], "label": "topic", "labels": LABELS, "dev": "dev"}
    return Task.model_validate({"name": "topics", **given, **changes})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "external" / "mine" / "topics"
    place.mkdir(parents=True)
    write(place / "dev.csv", TEXTS, LABELS)
    return place


def write(path, texts, labels, *, names=("headline", "topic"), encoding="utf-8"):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, (texts, labels), strict=True))), path)
        return
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t")
        writer.writerows([names, *zip(texts, labels, strict=True)])


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("labels", [LABELS, ["0", "1", "2", "3"], [0, 1, 2, 3]], ids=["names", "digits", "ids"])
def test_the_same_rows_from_every_kind_of_file(folder, suffix, labels):
    write(folder / f"train.{suffix}", TEXTS, labels)
    assert load_rows(DATA, task()) == {"train": ROWS, "dev": ROWS}


# What ends a line elsewhere, and what is a quote there; a text of a TSV holds neither a tab nor a line feed.
PLAIN = [
    '"opens here',
    'and ends here"',
    '"all of it"',
    '"Great" he said',
    'a 6" screen',
    '"',
    '""',
    'say ""so""',
    '"a ""b"" c"',
    "a\rb",
    "a\u2028b\u2029c\x0bd\x0ce\x1cf\x85g",
    "a\0b",
    "comma, and more",
    "long " * 40_000,
    'last"',
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_a_tsv_has_a_row_a_line_and_its_quotes_are_text(folder, end, last):
    lines = ["headline\ttopic", *(f"{text}\t{number % 4}" for number, text in enumerate(PLAIN))]
    content = "\ufeff" + end.join(lines) + (end if last else "")
    (folder / "train.tsv").write_bytes(content.encode())
    found = load_rows(DATA, task())["train"]
    assert found == [{"headline": text, "label": number % 4} for number, text in enumerate(PLAIN)]


def test_pairs_in_a_tsv_are_no_more_mixed_up_by_quotes(folder):
    (folder / "train.tsv").write_text('a\ttopic\tb\n"x\t0\ty\nz\t1\tw"\n\n"u"\t2\t"\n"\t3\t"v\n')
    (folder / "dev.csv").write_text("a,b,topic\nx,y,0\n")
    found = [(row["a"], row["b"], row["label"]) for row in load_rows(DATA, task(texts=["a", "b"]))["train"]]
    assert found == [('"x', "y", 0), ("z", 'w"', 1), ('"u"', '"', 2), ('"', '"v', 3)]


MULTI_LINE = ["two\nlines", "three,\n\n lines, 1", "ends, 0\r\nWorld, really", 'a "quoted\n1" line', "a,\rb"]


@pytest.mark.parametrize("order", [("headline", "topic"), ("topic", "headline")])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_of_several_lines_in_a_csv_is_one_text(folder, order, quoting, end):
    texts = [*MULTI_LINE, "word " * 40_000, "a\u2028b\x85c\x0bd"]
    rows = [{"headline": text, "topic": LABELS[number % 4]} for number, text in enumerate(texts)]
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, order, quoting=quoting, lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)
    usual = csv.field_size_limit()
    assert [row["headline"] for row in load_rows(DATA, task())["train"]] == texts
    assert csv.field_size_limit() == usual


SWALLOWED = (
    "line {} opens a quote that holds {} lines together, of which the first and the last look like rows: double quotes"
)
UNQUOTED = "cannot be read as CSV ({}): put a field that has quotes in quotes, and double its own"
AS_CSV = "has a field that is quoted as in CSV, but in .tsv quotes are text: write it as .csv, with commas, or without"
A_ROW = "but the first line 2: in .tsv a tab ends a field and a line feed its row, also in quotes"


@pytest.mark.parametrize(
    ("suffix", "content", "line"),
    [
        ("csv", 'headline,topic\n"a,0\nb",1\n', SWALLOWED.format(2, 2)),
        ("csv", 'headline,topic\nx,3\n"a,0\nb,Sport\n\nc",2\n', SWALLOWED.format(3, 4)),
        ("csv", 'headline,topic\r\n"a, with more,0\r\na 6",1\r\n', SWALLOWED.format(2, 2)),
        ("csv", 'topic,headline\n0,"a\n1,b"\n', SWALLOWED.format(2, 2)),
        ("csv", 'id,topic,headline\n1,0,"a\n2,1,b"\n', SWALLOWED.format(2, 2)),
        ("csv", 'headline,topic\n",0\n",1\n', SWALLOWED.format(2, 2)),
        ("csv", 'headline,topic\n"a,0 \n# a remark\n,\nb",1\n', SWALLOWED.format(2, 4)),
        ("csv", 'headline,topic\nx,3\n"a,0\nb,1\n', f"line 3 {UNQUOTED.format('unexpected end of data')}"),
        (
            "csv",
            'headline,topic\nx,3\n"Great" he said,0\n',
            "line 3 cannot be read as CSV (',' expected after '\"'): put",
        ),
        (
            "csv",
            "headline,topic\na\rb,0\n",
            "line 2 has 1 fields, but the first line 2: quote fields that hold commas or",
        ),
        ("tsv", 'headline\ttopic\n"a\tb"\t0\n', f"line 2 has 3 fields, {A_ROW}"),
        ("tsv", 'headline\ttopic\nx\t1\n"a\nb"\t0\n', f"line 3 has 1 fields, {A_ROW}"),
        ("tsv", "headline\ttopic\nx\t1\ny\n", f"line 3 has 1 fields, {A_ROW}"),
        ("tsv", 'headline\ttopic\nx\t1\n"a ""b"" c"\t0\n"d"\t1\n', f"line 3 {AS_CSV}"),
        ("tsv", 'headline\ttopic\nx\t1\n"a\rb"\t0\n', f"line 3 {AS_CSV}"),
        ("tsv", '"headline"\t"topic"\n"a"\t"0"\n', 'has no column headline: it has "headline", "topic"'),
        (
            "tsv",
            "headline\ttopic\ra\t0\rb\t1\r",
            "ends its lines with carriage returns alone: end them with line feeds",
        ),
    ],
)
def test_a_line_that_is_no_row_is_refused_by_its_number(folder, suffix, content, line):
    (folder / f"train.{suffix}").write_bytes(content.encode())
    with pytest.raises(InputError) as caught:
        load_rows(DATA, task())
    assert str(caught.value).startswith(f"external/mine/topics/train.{suffix} {line}")
    assert len(str(caught.value).splitlines()) == 1


def test_ids_of_ones_own_and_two_texts(folder):
    write(folder / "train.csv", TEXTS, [4, 3, 2, 1])
    own = load_rows(DATA, task(ids=[4, 3, 2, 1]))
    assert own["train"] == ROWS
    (folder / "train.csv").write_text("b,topic,a,other\nx,World,y,1\nx,Sport,y,2\n\nx,Business,y,3\nx,Sci/Tech,z,4\n")
    write(folder / "dev.csv", TEXTS, LABELS, names=("a", "topic"))
    with pytest.raises(InputError, match=r"dev.csv has no column b: it has a, topic"):
        load_rows(DATA, task(texts=["a", "b"]))
    (folder / "dev.csv").write_text((folder / "train.csv").read_text())
    train = load_rows(DATA, task(texts=["a", "b"]))["train"]
    assert train[3] == {"a": "z", "b": "x", "label": 3}
    assert len(train) == 4


def test_a_label_is_the_same_however_its_accents_are_stored(folder):
    names = ["Caf\u00e9", "Cafe"]
    for split in ("train", "dev"):
        write(folder / f"{split}.csv", ["a", "b", "c"], ["Cafe\u0301", "Cafe", "Caf\u00e9"])
    assert [row["label"] for row in load_rows(DATA, task(labels=names))["train"]] == [0, 1, 0]
    (folder / "train.csv").write_text('headline,topic\n"a,Cafe\u0301\nb",Cafe\n')
    with pytest.raises(InputError, match="line 2 opens a quote that holds 2 lines together"):
        load_rows(DATA, task(labels=names))
    with pytest.raises(ValidationError, match=r"topics\.labels has two that only differ in how an accent is stored"):
        task(labels=["Caf\u00e9", "Cafe\u0301"])


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder):
    write(folder / "train.csv", TEXTS, LABELS, encoding="utf-8-sig")
    assert load_rows(DATA, task())["train"] == ROWS


WHOLE = "headline,topic\na,World\nb,Sport\nc,Business\nd,Sci/Tech\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (WHOLE.replace("headline", "title"), "train.csv has no column headline: it has title, topic"),
        (WHOLE.replace("headline,topic", "topic,topic"), "train.csv has no column headline: it has topic, topic"),
        ("", "train.csv has no column headline: it has none"),
        ("headline,topic\n", "train.csv holds no examples"),
        (WHOLE.replace("b,", ","), "train.csv row 1 has no text in column headline"),
        (WHOLE.replace("b,", '" ",'), "train.csv row 1 has no text in column headline"),
        (
            WHOLE.replace("Sport", "sport"),
            "row 1 has label sport: it must be one of 0, 1, 2, 3, World, Sport, Business",
        ),
        (WHOLE.replace("Sport", ""), "train.csv row 1 has label '': it must be one of"),
        (WHOLE.replace("Sport", " Sport"), "train.csv row 1 has label ' Sport': it must be one of"),
        (WHOLE.replace("Sport", "Spo\u200brt"), "train.csv row 1 has label 'Spo\\u200brt': it must be one of"),
        (WHOLE.replace("topic", " topic"), "train.csv has no column topic: it has ' topic', headline"),
        (WHOLE.replace("Sport", "NaN"), "train.csv row 1 has label NaN: it must be one of"),
        (WHOLE.replace("Sport", "1.0"), "train.csv row 1 has label 1.0: it must be one of"),
        (WHOLE.replace("Sport", "4"), "train.csv row 1 has label 4: it must be one of"),
        (
            WHOLE.replace("Sport", "World"),
            "topics has no training row with label Sport: add rows of it, or take it out of labels",
        ),
        (WHOLE.replace("b,", "b,c,"), "train.csv line 3 has 3 fields, but the first line 2: quote fields"),
        (WHOLE.replace("b,", '"b,'), "train.csv line 3 cannot be read as CSV (unexpected end of data): put a field"),
        (WHOLE.replace("b,", '"b"b,'), "train.csv line 3 cannot be read as CSV (',' expected after '\"'): put a field"),
        (WHOLE.replace("b,", "é,").encode("latin-1"), "train.csv cannot be read as CSV ('utf-8' codec"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(folder, content, line):
    (folder / "train.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load_rows(DATA, task())
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_parquet_file_of_floats_for_labels_says_what_they_must_be(folder):
    write(folder / "train.parquet", TEXTS, [0.0, 1.0, None, 3.0])
    with pytest.raises(InputError, match="a column topic of type double: it must hold text or whole numbers"):
        load_rows(DATA, task())


def test_a_split_is_one_file_with_a_suffix_that_is_known(folder):
    write(folder / "train.csv", TEXTS, LABELS)
    (folder / "train.csv").rename(folder / "train.txt")
    with pytest.raises(InputError) as caught:
        load_rows(DATA, task())
    assert str(caught.value) == (
        "external/mine/topics/train.parquet is missing, and so are .csv and .tsv: ATTATTR_DATA must hold one of them "
        "in mine/topics/"
    )
    write(folder / "train.csv", TEXTS, LABELS)
    write(folder / "train.parquet", TEXTS, LABELS)
    with pytest.raises(InputError, match=r"external/mine/topics holds train.parquet and train.csv: leave one"):
        load_rows(DATA, task())


def test_what_is_allowed_stays_short_with_many_labels(folder):
    names = [f"intent {number}" for number in range(150)]
    write(folder / "train.csv", TEXTS, ["intent 0", "intent 149", "other", "intent 2"])
    with pytest.raises(InputError) as caught:
        load_rows(DATA, task(labels=names))
    assert "row 2 has label other" in str(caught.value)
    assert len(str(caught.value)) < 300
