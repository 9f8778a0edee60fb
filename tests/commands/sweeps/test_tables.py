"""Which numbers of a sweep's jobs are shown, and how."""

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.commands.sweeps.jobs import Job
from pipeline.commands.sweeps.tables import flat_rows, numbers, sweep_rows, sweep_text


def job(metrics=None, *, error=None, **overrides):
    status = "failed" if error else "finished" if metrics else "unfinished"
    texts = {key if key in ("task", "seed") else f"tree.{key}": str(value) for key, value in overrides.items()}
    return Job(
        ",".join(f"{key}={value}" for key, value in texts.items()), texts, status, error, statistics=metrics or {}
    )


def interval(value, low, high):
    return {"value": value, "low": low, "high": high}


METRICS = {"task": "rte", "seed": 1, "n": 7, "constant": 3, "text": "auto", "flag": True, "missing": None}


def test_scalars_and_intervals_that_vary_are_the_numbers():
    jobs = [
        job(
            METRICS | {"edges": 4, "area": interval(1.5, 1, 2), "share": 0.5, "share_low": 0.25, "share_high": 0.75},
            a=1,
        ),
        job(
            METRICS | {"edges": 5, "area": interval(1.5, 1, 3), "share": 0.5, "share_low": 0.25, "share_high": 0.5}, a=2
        ),
        job(error="no weights", a=3),
    ]
    assert numbers(jobs) == {
        "edges": {"tree.a=1": 4, "tree.a=2": 5},
        "area": {"tree.a=1": Interval(1.5, 1, 2), "tree.a=2": Interval(1.5, 1, 3)},
        "share": {"tree.a=1": Interval(0.5, 0.25, 0.75), "tree.a=2": Interval(0.5, 0.25, 0.5)},
    }


def test_what_differs_by_task_or_repeats_an_override_is_no_result():
    jobs = [
        job({"tau": tau, "size": len(task), "edges": tau * len(task)}, task=task, seed=1, tau=tau)
        for task in ("rte", "mnli")
        for tau in (0.25, 0.5)
    ]
    assert list(numbers(jobs)) == ["edges"]
    # Where tasks are all that varies, they are what is compared.
    assert list(numbers(jobs[::2])) == ["size", "edges"]


def test_a_number_that_some_jobs_lack_varies():
    jobs = [job({"unconverged": None, "error": 1}, steps=2), job({"unconverged": 0, "error": 1}, steps="auto")]
    assert numbers(jobs) == {"unconverged": {"tree.steps=auto": 0}}


def test_one_job_shows_all_its_numbers():
    assert list(numbers([job({"edges": 4, "share": 0.5}, a=1), job(a=2)])) == ["edges", "share"]


def test_numbers_one_level_down_serve_where_none_at_the_top_varies():
    jobs = [
        job({"top": 1, "auc": {"taylor": interval(a, 0, 9), "random": 5}, "list": [a], "deep": {"er": {"x": a}}}, a=a)
        for a in (1, 2)
    ]
    assert numbers(jobs) == {"auc.taylor": {"tree.a=1": Interval(1, 0, 9), "tree.a=2": Interval(2, 0, 9)}}


def test_every_job_is_a_row_in_the_order_of_its_values():
    jobs = [
        job({"edges": 1.5}, task="mnli", a="auto"),
        job(error="no weights", task="mnli", a=12),
        job({"edges": 2.5}, task="mnli", a=2),
        job(task="mnli", a="[0,1]"),
    ]
    assert sweep_rows(jobs) == [
        {"task": "mnli", "tree.a": "2", "status": "finished", "edges": 2.5, "error": None},
        {"task": "mnli", "tree.a": "12", "status": "failed", "edges": None, "error": "no weights"},
        {"task": "mnli", "tree.a": "[0,1]", "status": "unfinished", "edges": None, "error": None},
        {"task": "mnli", "tree.a": "auto", "status": "finished", "edges": 1.5, "error": None},
    ]
    assert "error" not in sweep_rows([jobs[0], jobs[2]])[0]


def test_the_table_by_hand():
    jobs = [
        job({"gap": 0.5, "accuracy": interval(0.9, 0.85, 0.95), "count": 1200}, task="rte", a_b=1),
        job({"gap": 0.00123456, "accuracy": interval(0.8, 0.7, 0.9), "count": 7}, task="rte", a_b=2),
        job(error="a | b", task="rte", a_b=3),
    ]
    # The column named accuracy holds what the metrics hold, not the percentages of other tables.
    assert sweep_text(sweep_rows(jobs), jobs) == (
        "| tree.a_b | status   |     gap |             accuracy | count | error  |\n"
        "| -------- | -------- | ------: | -------------------: | ----: | ------ |\n"
        "| 1        | finished | 0.50000 | 0.900 [0.850, 0.950] | 1,200 | –      |\n"
        "| 2        | finished | 0.00123 | 0.800 [0.700, 0.900] |     7 | –      |\n"
        "| 3        | failed   |       – |                    – |     – | a \\| b |\n"
        "\n"
        "All jobs: task=rte\n"
    )


def test_rows_for_machines_keep_every_digit_and_the_ends_of_intervals():
    jobs = [job({"gap": 1e-7 / 3, "area": interval(1, 0.5, 1.5)}, a=1), job({"gap": 2, "area": 3}, a=2), job(a=3)]
    assert flat_rows(sweep_rows(jobs)) == [
        {"tree.a": "1", "status": "finished", "gap": 1e-7 / 3, "area": 1, "area_low": 0.5, "area_high": 1.5},
        {"tree.a": "2", "status": "finished", "gap": 2, "area": 3, "area_low": None, "area_high": None},
        {"tree.a": "3", "status": "unfinished", "gap": None, "area": None, "area_low": None, "area_high": None},
    ]


@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 2.5), (-0.25, 4.0), (1e-12, 1.0)])
def test_numbers_of_any_size_have_a_text(values):
    jobs = [job({"x": value, "y": number}, a=number) for number, value in enumerate(values)]
    table, _, same = sweep_text(sweep_rows(jobs), jobs).partition("\n\n")
    assert len(table.splitlines()) == 4
    assert same == "All jobs: status=finished\n"
