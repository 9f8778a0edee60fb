"""How jobs are shared out: each once, evenly."""

import random
from itertools import product

import pytest

from pipeline.scoring.shares import balanced


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_every_job_is_in_one_share_and_the_most_is_near_the_least_possible(count: int) -> None:
    generator = random.Random(count)
    for jobs in (0, 1, count, 40):
        costs = [generator.randint(1, 900) for _ in range(jobs)]
        shares = balanced(costs, count)
        assert len(shares) == count
        assert sorted(job for share in shares for job in share) == list(range(jobs))
        assert all(share == sorted(share) for share in shares)
        # Whatever is left over is no larger than one job: the mean, and a job of what is at most the least load.
        most = max(sum(costs[job] for job in share) for share in shares)
        assert most <= sum(costs) / count + max(costs, default=0) * (1 - 1 / count)


def test_few_jobs_are_within_four_thirds_of_the_best() -> None:
    generator = random.Random(0)
    for _ in range(30):
        costs = [generator.randint(1, 50) for _ in range(7)]
        most = max(sum(costs[job] for job in share) for share in balanced(costs, 2))
        best = min(
            max(sum(c for c, place in zip(costs, places, strict=True) if place == one) for one in (0, 1))
            for places in product((0, 1), repeat=7)
        )
        assert most <= best * 4 / 3


def test_equal_jobs_differ_by_one() -> None:
    assert sorted(map(len, balanced([5] * 11, 4))) == [2, 3, 3, 3]
