"""Of which commits a kept run is."""

from pipeline.reporting.sections.replicates import made_of


def replicate(commit: str | None, *started: str | None) -> dict:
    return {"commit": commit, "stages": {str(number): {"started": day} for number, day in enumerate(started)}}


def test_commits_and_the_last_day_are_named() -> None:
    both = [replicate("b" * 40, "2026-12-01", None), replicate("a" * 40, "2026-11-30"), replicate(None, None)]
    assert made_of(both) == "commits aaaaaaa, bbbbbbb, run until 2026-12-01"
    assert made_of(both[:1]) == "commit bbbbbbb, run until 2026-12-01"
    assert made_of(both[2:]) == made_of([]) == ""
