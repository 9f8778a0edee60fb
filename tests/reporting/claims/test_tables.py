import csv
import io
from dataclasses import asdict

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.analysis.verdicts import Claim
from pipeline.reporting.claims.tables import claim_rows
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.values.store import read_json, write_json

CLAIM = Claim(
    "P8", "triggers cut accuracy", "rte", 2, 277, "mean drop, points", Interval(6.25, 3.125, 12.5), "at least 5",
    "undecided", paper="about 20",
)  # fmt: skip


@pytest.fixture
def stored(tmp_path):
    """`stored(claims)`: as the stage reads them back, with intervals as mappings, and keys sorted."""

    def through_a_file(*claims):
        write_json(tmp_path / "records.json", {"records": [asdict(claim) for claim in claims]})
        return read_json(tmp_path / "records.json")["records"]

    return through_a_file


def test_a_claim_is_a_row(stored):
    (row,) = claim_rows(stored(CLAIM))
    assert row == {"claim": "P8", "statement": "triggers cut accuracy", "task": "rte", "seed": 2, "n": 277} | {
        "statistic": "mean drop, points",
        "value": Interval(6.25, 3.125, 12.5),
        "paper": "about 20",
        "rule": "at least 5",
        "verdict": "undecided",
    }
    assert "6.25 [3.12, 12.50]" in to_markdown([row])
    (flat,) = csv.DictReader(io.StringIO(to_csv([row])))
    assert (flat["value"], flat["value_low"], flat["value_high"]) == ("6.2500", "3.1250", "12.5000")


def test_a_claim_about_all_models_needs_no_task(stored):
    everything = Claim("P5", "heads agree", None, None, None, "needs MNLI", None, "above 0", "undecided")
    assert "| P5 " in to_markdown(claim_rows(stored(everything, CLAIM)))
