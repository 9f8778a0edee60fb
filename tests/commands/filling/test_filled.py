"""What README.md and docs/method.md say of scores is what the committed results say."""

import json
import re
from pathlib import Path

import pytest

from pipeline.commands.fill_tables import FILES, filled
from pipeline.commands.filling.marks import PART, fill
from pipeline.commands.filling.questions import QUESTIONS
from pipeline.commands.filling.runs import read_runs
from pipeline.commands.filling.tables import full, summary
from pipeline.errors import InputError
from pipeline.values.paths import SOURCE

SECTIONS = {"README.md": "## Which score for which question", "docs/method.md": "## Which score\n"}


@pytest.mark.parametrize("name", FILES)
def test_no_number_has_drifted(name: str) -> None:
    committed = (SOURCE / name).read_text(encoding="utf-8")
    assert filled(SOURCE)[name] == committed, "run python -m pipeline.commands.fill_tables"


@pytest.mark.parametrize("name", FILES)
def test_no_value_stands_outside_of_the_filled_parts(name: str) -> None:
    _, _, after = (SOURCE / name).read_text(encoding="utf-8").partition(SECTIONS[name])
    section = after.partition("\n## ")[0]
    assert len(PART.findall(section)) == {"README.md": 1, "docs/method.md": 2}[name]
    prose = PART.sub("", section)
    assert not re.search(r"\d", prose.replace("SST-2", "").replace("95 %", "").replace("1 %", ""))


def results(folder: Path, statistics: dict[str, list[dict[str, object]]]) -> Path:
    """`results/` with one run of statistics by experiment, of a task that is learned and one that is not."""
    per_class = {"no": {"n": 50}, "yes": {"n": 50}}
    models = [
        {"task": task, "n": 100, "accuracy": of, "per_class": per_class} for task, of in (("sst2", 0.9), ("rte", 0.5))
    ]
    for experiment in ("finetune", *statistics):
        path = folder / "mini" / "outputs" / "analysis" / experiment / "records.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"records": models, "statistics": statistics.get(experiment, [])}))
    return folder


def one(task: str, name: str, value: float | None, low: float | None, high: float | None) -> dict[str, object]:
    return {"task": task, "name": name, "value": value, "low": low, "high": high, "replicates": 3, "n": 6}


def test_what_a_run_lacks_is_not_measured(tmp_path: Path) -> None:
    truth = [
        one(task, name, *of)
        for task in ("sst2", "rte")
        for name, of in (
            ("lost/attribution", (2.0, 1.0, 3.0)),
            ("lost/attention", (1.5, 1.0, 2.0)),
            ("lost/attribution-attention", (0.5, 0.0004, 1.0)),
            ("lost/attribution-joint", (None, None, None)),
        )
    ]
    runs = read_runs(results(tmp_path, {"truth": truth}), [*dict.fromkeys(one.experiment for one in QUESTIONS)])
    rows = summary(runs).splitlines()[2:]
    assert len(rows) == len(QUESTIONS)
    assert ["| not measured | | |" in row for row in rows] == [True, False] + [True] * 7
    shown = full(runs)
    assert "RTE" not in shown  # whose models have learned too little
    assert "| score | SST-2 (mini), 3 models, n = 6 |" in shown
    assert "| attribution | 2.00 |\n| attention | 1.50; −0.5000 [−1.0000, −0.0004] worse |" in shown
    assert "joint" not in shown


def test_without_any_run_nothing_is_measured(tmp_path: Path) -> None:
    assert "not measured" in full(read_runs(tmp_path, ["truth"]))


@pytest.mark.parametrize(("low", "there"), [(0.1, True), (-0.1, False), (None, False)])
def test_the_word_is_asked_for_only_where_models_rely_on_it(tmp_path: Path, low: float | None, *, there: bool) -> None:
    found = [one("rte", "first/attribution-attention", 5.0, 1.0, 9.0), one("rte", "relied", 30.0, low, 60.0)]
    runs = read_runs(results(tmp_path, {"shortcut": found}), ["shortcut"])
    assert ("RTE" in full(runs)) == there  # of models of its own, which the task's do not bar


def test_a_part_is_filled_between_its_marks_and_again_the_same() -> None:
    text = "before\n<!-- filled: costs -->\nold\n<!-- end of filled -->\nafter 1\n"
    once = fill(text, {"costs": "new"})
    assert once == "before\n<!-- filled: costs -->\n\nnew\n\n<!-- end of filled -->\nafter 1\n"
    assert fill(once, {"costs": "new"}) == once
    with pytest.raises(InputError, match="nothing fills 'costs': known are scores"):
        fill(text, {"scores": ""})
