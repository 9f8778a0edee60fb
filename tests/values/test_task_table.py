import pytest
import yaml

from pipeline.errors import InputError
from pipeline.values import task_table
from pipeline.values.task_table import read_task_table

TOPICS = {"texts": ["headline"], "labels": ["World", "Sport", "Business", "Sci/Tech"]}


@pytest.fixture
def read(tmp_path, monkeypatch):
    """`read(text)`: the tasks of a table with this content, YAML or what it stands for."""
    monkeypatch.setattr(task_table, "FILE", tmp_path / "tasks.yaml")

    def run(content):
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (tmp_path / "tasks.yaml").write_text(text, encoding="utf-8")
        return read_task_table()

    return run


def test_what_an_entry_leaves_out_is_what_most_tasks_are_like(read):
    (task,) = read({"topics": TOPICS}).values()
    assert (task.name, task.texts, task.label, task.train, task.dev) == (
        "topics",
        ("headline",),
        "label",
        "train",
        "validation",
    )
    assert not any((task.reports_f1, task.phrases, task.recurring, task.planted, task.title))


def test_a_label_is_stored_by_its_name_or_its_id(read):
    (task,) = read({"topics": TOPICS}).values()
    assert task.label_ids == {"0": 0, "1": 1, "2": 2, "3": 3, "World": 0, "Sport": 1, "Business": 2, "Sci/Tech": 3}
    (task,) = read({"topics": {**TOPICS, "ids": [4, 3, 2, 1]}}).values()
    assert task.label_ids == {"4": 0, "3": 1, "2": 2, "1": 3, "World": 0, "Sport": 1, "Business": 2, "Sci/Tech": 3}
    (task,) = read({"stars": {"texts": ["review"], "labels": ["1", "2"], "ids": [1, 2]}}).values()
    assert task.label_ids == {"1": 0, "2": 1}


@pytest.mark.parametrize(
    ("name", "changes", "line"),
    [
        ("topics", {"texts": ["a", "b", "c"]}, "conf/tasks.yaml: topics.texts is"),
        ("topics", {"texts": ["a", "b", "c"]}, "but must be a list with at most 2 entries"),
        ("topics", {"texts": []}, "topics.texts is [], but must be a list with at least one entry"),
        ("topics", {"texts": "headline"}, 'topics.texts is "headline", but must be a list'),
        ("topics", {"labels": ["one"]}, 'topics.labels is ["one"], but must be a list with at least 2 entries'),
        ("topics", {"labels": ["one", "one"]}, "but must be a list without repeats"),
        ("topics", {"labels": [True, False]}, "topics.labels[0] is true, but must be text"),
        ("topics", {"labels": ["1", "0"]}, "topics.labels has a number for a name that is another label's id"),
        ("topics", {"ids": [0, 1]}, "topics.ids has 2 entries, but must have one for each of labels"),
        ("topics", {"ids": ["a", "b", "c", "d"]}, 'topics.ids[0] is "a", but must be an integer'),
        ("topics", {"label": "headline"}, "topics.label is headline, but must not be one of texts"),
        ("topics", {"labell": "topic"}, "topics.labell is not a known key; did you mean label or labels?"),
        ("topics", {"name": "other"}, "topics.name is not a known key"),
        ("topics", {"dev": "train"}, "topics.dev is train, but must not be that of train"),
        ("topics", {"dev": "dev.csv"}, "topics.dev is dev.csv, but must be a split's name, without a suffix"),
        ("topics", {"train": "../train"}, "topics.train is ../train, but must be a split's name, without a suffix"),
        ("topics", {"reports_f1": True}, "topics.reports_f1 is true, but must be false with 4 labels"),
        ("topics", {"reports_f1": 1}, "topics.reports_f1 is 1, but must be true or false"),
        ("topics", {"recurring": ["headline"]}, "topics.recurring is headline, but must be some of texts, not all"),
        ("Topics", {}, "conf/tasks.yaml has a task Topics, but a name must be of a-z, 0-9 and _"),
        ("my-topics", {}, "conf/tasks.yaml has a task my-topics, but a name must be"),
        ("all", {}, "conf/tasks.yaml has a task all, but a name must"),
        ("default", {}, "not be all or default"),
        (None, {}, "conf/tasks.yaml has a task None, but a name must"),
    ],
)
def test_a_bad_entry_is_refused_in_one_line_that_names_its_key(read, name, changes, line):
    with pytest.raises(InputError) as caught:
        read({name: {**TOPICS, **changes}})
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("topics: [", "conf/tasks.yaml is not valid YAML"),
        ("", "conf/tasks.yaml must hold a section for every task"),
        ("topics:", "conf/tasks.yaml: topics must be a section"),
        ("topics: {texts: [a]}", "conf/tasks.yaml: topics.labels is missing"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(read, text, line):
    with pytest.raises(InputError) as caught:
        read(text)
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
