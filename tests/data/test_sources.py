import re
import socket

import pyarrow
import pyarrow.parquet
import pytest

from pipeline.data import sources
from pipeline.data.planted import generate
from pipeline.data.sources import load_rows, require_hub
from pipeline.errors import InputError
from pipeline.values.inputs import Data, data_dep
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()
MUST = "it must be one of 0, 1, entailment, not_entailment"

NOTHING_OUTSIDE = data_dep("planted", None)
FOLDER = Data(source="folder", dep="external/glue", name=None, revision=None, n_train=None, n_dev=None)


def hub(name):
    nothing = {"revision": None, "n_train": None, "n_dev": None}
    return Data(source="hub", dep=NOTHING_OUTSIDE, name=str(name), **nothing)


TRAIN = [{"sentence1": f"a {n}", "sentence2": f"b {n}", "label": n % 2} for n in range(6)]
DEV = [{"sentence1": "c", "sentence2": "d", "label": 1}]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.fixture
def rte(tmp_path, monkeypatch):
    """The folder of a good task, below a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "external" / "glue" / "rte"
    write(folder / "train.parquet", TRAIN)
    write(folder / "validation.parquet", DEV)
    return folder


def refusal(data, task="rte"):
    with pytest.raises(InputError) as caught:
        load_rows(data, TASKS[task])
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_planted_rows_are_those_of_the_grammar():
    data = Data(source="planted", dep=NOTHING_OUTSIDE, name=None, revision=None, n_train=5, n_dev=3)
    assert load_rows(data, TASKS["negation"]) == generate("negation", n_train=5, n_dev=3)


def test_a_folder_of_parquet_files(rte):
    assert load_rows(FOLDER, TASKS["rte"]) == {"train": TRAIN, "dev": DEV}


def test_mnli_is_evaluated_on_the_matched_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"premise": "p", "hypothesis": "h", "label": label} for label in (2, 1, 0)]
    write(tmp_path / "external/glue/mnli/train.parquet", rows)
    write(tmp_path / "external/glue/mnli/validation_matched.parquet", [{**rows[0], "label": 0}])
    assert load_rows(FOLDER, TASKS["mnli"])["dev"][0]["label"] == 0


def test_a_missing_file_is_named(rte):
    (rte / "validation.parquet").unlink()
    message = refusal(FOLDER)
    assert "external/glue/rte/validation.parquet is missing, and so are .csv and .tsv" in message
    assert "ATTATTR_DATA" in message


@pytest.mark.parametrize("content", [b"", b"idx\tsentence1\n0\thello\n", None])
def test_a_file_that_is_no_parquet_is_named(rte, content):
    path = rte / "train.parquet"
    # None stands for a file that was cut off.
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    assert "external/glue/rte/train.parquet is not a Parquet file" in refusal(FOLDER)


def spoil(**changes):
    return [TRAIN[0], TRAIN[1], {**TRAIN[2], **changes}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"sentence1": "a", "label": 0}],
            "external/glue/rte/train.parquet has no column sentence2: it has label, sentence1",
        ),
        (
            [{"sentence1": "a", "sentence2": "b"}],
            "external/glue/rte/train.parquet has no column label: it has sentence1, sentence2",
        ),
        (
            spoil(label=-1),
            f"external/glue/rte/train.parquet row 2 has label -1: {MUST}",
        ),
        (
            spoil(label=2),
            f"external/glue/rte/train.parquet row 2 has label 2: {MUST}",
        ),
        (
            spoil(label=None),
            f"external/glue/rte/train.parquet row 2 has label None: {MUST}",
        ),
        (spoil(sentence1=""), "external/glue/rte/train.parquet row 2 has no text in column sentence1"),
        (spoil(sentence2=" \t\n"), "external/glue/rte/train.parquet row 2 has no text in column sentence2"),
        (spoil(sentence2=None), "external/glue/rte/train.parquet row 2 has no text in column sentence2"),
    ],
)
def test_a_bad_row_is_named(rte, rows, message):
    write(rte / "train.parquet", rows)
    assert refusal(FOLDER) == message


def test_labels_must_be_whole_numbers(rte):
    write(rte / "train.parquet", [{**row, "label": float(row["label"])} for row in TRAIN])
    assert refusal(FOLDER) == (
        "external/glue/rte/train.parquet has a column label of type double: it must hold text or whole numbers"
    )


def test_dev_rows_are_checked_too(rte):
    write(rte / "validation.parquet", [{**DEV[0], "label": -1}])
    assert refusal(FOLDER) == f"external/glue/rte/validation.parquet row 0 has label -1: {MUST}"


def test_an_empty_file_is_named(rte):
    schema = pyarrow.Table.from_pylist(TRAIN).schema
    pyarrow.parquet.write_table(schema.empty_table(), rte / "train.parquet")
    assert refusal(FOLDER) == "external/glue/rte/train.parquet holds no examples"


# The hub: a data set of several configurations, as nyu-mll/glue has them, in a folder.


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "nyu-mll" / "glue"
    write(folder / "rte" / "train-00000-of-00001.parquet", TRAIN)
    write(folder / "rte" / "validation-00000-of-00001.parquet", DEV)
    write(folder / "sst2" / "train-00000-of-00001.parquet", [{"sentence": "wrong", "label": 0}])
    listed = "".join(
        f"- config_name: {task}\n  data_files:\n"
        + "".join(f"  - split: {name}\n    path: {task}/{name}-*\n" for name in names)
        for task, names in (("rte", ("train", "validation")), ("sst2", ("train",)))
    )
    (folder / "README.md").write_text(f"---\nconfigs:\n{listed}---\n")
    return folder


@pytest.mark.parametrize("absolute", [False, True])
def test_a_data_set_of_the_hub_is_loaded_by_task(stand_in, absolute):
    assert load_rows(hub(stand_in if absolute else "nyu-mll/glue"), TASKS["rte"]) == {"train": TRAIN, "dev": DEV}


def test_rows_from_the_hub_are_checked_like_all_others(stand_in):
    write(stand_in / "rte" / "train-00000-of-00001.parquet", spoil(sentence1=" "))
    assert refusal(hub("nyu-mll/glue")) == "train of nyu-mll/glue/rte row 2 has no text in column sentence1"


def test_a_data_set_of_another_layout_is_refused_in_one_line(stand_in):
    line = (
        "mrpc of the dataset nyu-mll/glue cannot be loaded (BuilderConfig 'mrpc' not found. Available: ['rte', 'sst2'])"
    )
    assert refusal(hub("nyu-mll/glue"), "mrpc") == f"{line}: use one laid out as nyu-mll/glue"
    assert refusal(hub("nyu-mll/glue"), "sst2").startswith(
        "sst2 of the dataset nyu-mll/glue cannot be loaded (KeyError"
    )


@pytest.fixture
def no_loading(monkeypatch, tmp_path):
    """The hub's own clients must not be asked: they retry for most of a minute."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: pytest.fail("the hub's client was called"))
    return tmp_path / "hub"


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_offline_fails_at_once_in_one_line(no_loading, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sources, "require_answer", lambda _: pytest.fail("connected"))
    message = refusal(hub("nyu-mll/glue"))
    assert message.startswith("HF_HUB_OFFLINE is set, and the dataset nyu-mll/glue is not cached")
    assert "preset mini or minilm" in message


def test_an_unreachable_hub_fails_at_once_in_one_line(no_loading, monkeypatch, closed_port):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed_port}")
    message = refusal(hub("nyu-mll/glue"))
    assert message.startswith(f"the hub at http://127.0.0.1:{closed_port} cannot be reached")
    assert "the dataset nyu-mll/glue is not cached" in message


def test_a_hub_address_that_is_none_is_refused_in_one_line(no_loading, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "hub.example")
    assert refusal(hub("nyu-mll/glue")).startswith("the hub at hub.example cannot be reached")


@pytest.mark.parametrize("name", ["nyu/mll/glue", "nyu mll", "glue.git"])
def test_a_name_that_no_hub_entry_can_have_is_refused_in_one_line(no_loading, name):
    assert name in refusal(hub(name))


def test_a_hub_that_can_be_reached_is_not_refused(no_loading, monkeypatch):
    monkeypatch.setattr(sources, "require_answer", lambda _: None)
    require_hub("nyu-mll/glue", repo_type="dataset")


@pytest.mark.parametrize(
    ("repo_type", "folder"), [("dataset", "datasets--nyu-mll--glue"), ("model", "models--nyu-mll--glue")]
)
def test_what_is_cached_needs_no_network(no_loading, monkeypatch, closed_port, repo_type, folder):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(InputError, match=re.escape(f"the {repo_type} nyu-mll/glue is not cached")):
        require_hub("nyu-mll/glue", repo_type=repo_type)
    (no_loading / folder / "snapshots").mkdir(parents=True)
    require_hub("nyu-mll/glue", repo_type=repo_type)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    require_hub("nyu-mll/glue", repo_type=repo_type)
