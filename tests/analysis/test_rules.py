"""The file of rules is complete, and one that is wrong is refused."""

from datetime import date

import pytest
from pydantic import ValidationError

from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.rules import FILE, read_rules
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()


def test_every_rule_has_limits_and_an_experiment():
    found = read_rules()
    assert len({rule.id for rule in found.rules}) == len(found.rules)
    for rule in found.rules:
        assert rule.experiment in ANALYSES
        assert rule.primary
        assert rule.date >= date(2026, 11, 25)
        assert {*(rule.tasks or ())} <= {*TASKS}
        for part in rule.primary:
            assert part.low is not None or part.high is not None
            inside = part.expected is None or (
                (part.low is None or part.low < part.expected) and (part.high is None or part.expected < part.high)
            )
            assert inside, f"{rule.id}: what is expected would not be reproduced"


def test_the_digest_is_the_files(tmp_path):
    import hashlib

    assert read_rules().digest == hashlib.sha256(FILE.read_bytes()).hexdigest()
    other = tmp_path / "rules.yaml"
    other.write_text(FILE.read_text() + "# a remark\n")
    assert read_rules(other).digest != read_rules().digest


def test_a_rule_may_have_a_date_of_its_own(tmp_path):
    path = tmp_path / "rules.yaml"
    rule = "{id: X, claim: c, source: s, experiment: tree, primary: [{statistic: t, low: 0}], secondary: []"
    path.write_text(f"date: 2026-01-01\nseen: {{rte: [1, 2]}}\nrules:\n  - {rule}}}\n  - {rule}, date: 2026-02-02}}\n")
    found = read_rules(path)
    assert [rule.date for rule in found.rules] == [date(2026, 1, 1), date(2026, 2, 2)]
    assert found.seen == {"rte": (1, 2)}
    assert [part.text for part in found.rules[0].primary] == ["above 0"]


def test_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(FILE.read_text().replace("claim: 20 steps suffice", "claim: 20 steps suffice\n    margin: 5"))
    with pytest.raises(ValidationError, match="margin"):
        read_rules(path)
