"""The file of rules is complete, and one that is wrong is refused."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.analysis import rules as of_rules
from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.rules import FILE, JUDGING, Primary, Rule, Rules, read_rules, refuse_unknown
from pipeline.digests.closure import closure
from pipeline.errors import InputError
from pipeline.values.task_table import read_task_table

ROOT = Path(__file__).parents[2]
TASKS = read_task_table()
NAMED = [
    (rule, name)
    for rule in read_rules().rules
    for name in (*(part.statistic for part in rule.primary), *rule.secondary)
]


def naming(rule, name, *, primary):
    """The rule alone, with that statistic in place of its own."""
    parts = (Primary(statistic=name, low=0),) if primary else ()
    return Rules((rule.model_copy(update={"primary": parts, "secondary": () if primary else (name,)}),), {}, "")


def test_every_rule_has_limits_and_an_experiment():
    found = read_rules()
    assert len({rule.id for rule in found.rules}) == len(found.rules)
    for rule in found.rules:
        assert rule.experiment in ANALYSES
        assert rule.primary
        assert rule.date >= date(2026, 11, 25)
        assert {*(rule.tasks or ())} <= {*TASKS}
        limited = [part.low is not None or part.high is not None for part in rule.primary]
        assert not any(limited) if rule.without_verdict else all(limited)
        assert rule.tasks is None or rule.needs_tasks != Rule.model_fields["needs_tasks"].default


def test_the_digest_is_of_the_rules_and_of_the_code_that_judges(tmp_path, monkeypatch):
    other = tmp_path / "rules.yaml"
    other.write_text(FILE.read_text() + "# a remark\n")
    assert read_rules(other).digest != read_rules().digest == read_rules().digest
    folder = tmp_path / "analysis"
    shutil.copytree(FILE.parent, folder)
    monkeypatch.setattr(of_rules, "__file__", str(folder / "rules.py"))
    assert read_rules().digest == (before := read_rules(folder / "rules.yaml").digest)
    verdicts = folder / "verdicts.py"
    for old, new, moves in (("LEVEL = 0.05", "LEVEL = 0.06", True), ("LEVEL = 0.05", "LEVEL = 0.05  # five", False)):
        path = tmp_path / str(moves) / "analysis"
        shutil.copytree(folder, path)
        (path / "verdicts.py").write_text(verdicts.read_text().replace(old, new))
        monkeypatch.setattr(of_rules, "__file__", str(path / "rules.py"))
        assert (read_rules().digest != before) == moves


def test_what_judges_is_all_that_decides():
    """Whatever `claims` runs of this room, save what it is about: keys, quantities and the experiments' own files."""
    files = {path.stem for path in closure(FILE.with_name("verdicts.py"), ROOT) if path.parent == FILE.parent}
    files |= {path.stem for path in closure(FILE.with_name("statistics.py"), ROOT) if path.parent == FILE.parent}
    assert files - {"__init__"} <= {*JUDGING}


def test_a_rule_may_have_a_date_of_its_own(tmp_path):
    path = tmp_path / "rules.yaml"
    rule = "{id: X, claim: c, source: s, experiment: tree, primary: [{statistic: t, low: 0}], secondary: []"
    path.write_text(f"date: 2026-01-01\nseen: {{rte: [1, 2]}}\nrules:\n  - {rule}}}\n  - {rule}, date: 2026-02-02}}\n")
    found = read_rules(path)
    assert [rule.date for rule in found.rules] == [date(2026, 1, 1), date(2026, 2, 2)]
    assert found.seen == {"rte": (1, 2)}
    assert [part.needs("points") for part in found.rules[0].primary] == ["above 0 points"]


def test_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(FILE.read_text().replace("claim: 20 steps suffice", "claim: 20 steps suffice\n    margin: 5"))
    with pytest.raises(ValidationError, match="margin"):
        read_rules(path)


def test_every_statistic_of_every_rule_is_known():
    refuse_unknown(read_rules(), tasks=TASKS)


@pytest.mark.parametrize(("rule", "name"), NAMED, ids=[f"{rule.id} {name}" for rule, name in NAMED])
def test_a_letter_that_is_wrong_is_refused(rule, name):
    for place in (place for place, letter in enumerate(name) if letter.isalnum()):
        wrong = f"{name[:place]}{'7' if name[place].isdigit() else 'q'}{name[place + 1 :]}"
        with pytest.raises(InputError, match=rf"^rules.yaml: rule {rule.id} names no statistic of {rule.experiment}: "):
            refuse_unknown(naming(rule, wrong, primary="*" not in name), tasks=TASKS)


@pytest.mark.parametrize(("name", "nearest"), [("lead/papers", "lead/paper"), ("lead/taylor/nome", "lead/taylor/none")])
def test_the_line_names_rule_statistic_and_the_nearest_one(name, nearest):
    (rule,) = (rule for rule in read_rules().rules if rule.id == "R1")
    line = f"rules.yaml: rule R1 names no statistic of prune: {name}; did you mean {nearest}?"
    with pytest.raises(InputError) as caught:
        refuse_unknown(naming(rule, name, primary=True), tasks=TASKS)
    assert str(caught.value) == line


def test_a_pattern_decides_nothing_and_an_unknown_experiment_is_refused():
    rule = read_rules().rules[0]
    with pytest.raises(InputError, match="names no statistic of convergence: within/\\*;"):
        refuse_unknown(naming(rule, "within/*", primary=True), tasks=TASKS)
    with pytest.raises(InputError, match="there is no experiment convergense; known are finetune, "):
        refuse_unknown(Rules((rule.model_copy(update={"experiment": "convergense"}),), {}, ""), tasks=TASKS)


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        ("universality", "similar-others"),  # needs MNLI and RTE
        ("universality", "ceiling/rte"),  # needs two seeds
        ("universality", "lost/mnli"),
        ("universality", "agreement/sst2-mnli/within_layers"),
        ("tree", "excess/0.123"),  # whatever the grid
        ("shortcut", "regained/attribution-attention"),  # needs the rate
        ("prune", "auc/output_norm/layer_l2"),
    ],
)
def test_what_a_run_may_lack_is_known(experiment, name):
    rule = read_rules().rules[0].model_copy(update={"experiment": experiment})
    refuse_unknown(naming(rule, name, primary=True), tasks=TASKS)
