"""What is read out of DVC's and the stages' lines: which stage has begun or need not, and what is shown at once."""

import pytest

from pipeline.commands.running.said import LAST, Reader

BEGUN, FAILED = "Running stage '{}':", "ERROR: failed to reproduce '{0}': failed to run: work {0}, exited with 1"
TRACEBACK = ["Traceback (most recent call last):", '  File "a.py", line 1, in <module>', "ValueError: of 2", "  lines"]


def read(*lines: str) -> list[tuple[str, str | None, str]]:
    reader = Reader()
    return [(event.kind, event.stage, event.line) for line in lines for event in reader.read(line)]


def shown(*lines: str) -> list[str]:
    return [line for kind, _, line in read(BEGUN.format("tree@a-1"), *lines) if kind == "shown"]


def test_which_stage_a_line_is_of() -> None:
    found = read(
        "a note",
        BEGUN.format("prune@a-1"),
        "> python -m pipeline.prune",
        "Stage 'tree@a-1' is cached - skipping run, checking out outputs",
        "Stage 'view@a-1' didn't change, skipping",
        BEGUN.format("report"),
        "text",
    )
    assert [(kind, stage) for kind, stage, _ in found] == [
        ("said", None),
        ("begun", "prune@a-1"),
        ("said", "prune@a-1"),
        ("cached", "tree@a-1"),
        ("unchanged", "view@a-1"),
        ("begun", "report"),
        ("said", "report"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "> python -m pipeline.tree",
        "Updating lock file 'dvc.lock'",
        "To track the changes with git, run:",
        "\tgit add dvc.lock",
        "To enable auto staging, run:",
        "\tdvc config core.autostage true",
        "Use `dvc push` to send your updates to remote storage.",
        "03:37:41 INFO __main__: negation-1: 5420 training examples",
        "03:37:41 WARNING transformers.modeling: some weights are new",
        "wandb: Tracking run with wandb version 0.20",
        "/lib/torch/nn.py:12: UserWarning: something",
        "  warnings.warn(something)",
    ],
)
def test_what_is_said_on_every_run_and_by_others_packages_is_in_the_log_alone(line: str) -> None:
    assert shown(line) == []


@pytest.mark.parametrize(
    "lines",
    [
        ["03:37:41 WARNING __main__: a-1: 3 texts are cut to 18 tokens"],
        ["03:37:41 WARNING pipeline.tracking.tracker: tracking failed"],
        ["03:37:41 WARNING attattr.groups: out of memory"],
        ["03:37:41 ERROR wandb.sdk: refused"],
        ["error: prune.rates is 2, but must be at most 1.0"],
        ["WARNING: 'x' is empty."],
        ["ERROR: Unable to acquire lock"],
        ["Fatal Python error: Segmentation fault", "Current thread 0x1:", '  File "a.py", line 2'],
        TRACEBACK,
        [*TRACEBACK, "During handling of the above exception, another exception occurred:", *TRACEBACK],
    ],
)
def test_own_warnings_and_anyones_errors_are_shown_whole(lines: list[str]) -> None:
    assert shown(*lines) == lines
    assert shown("03:37:40 INFO __main__: before", *lines, "Updating lock file 'dvc.lock'", "after") == lines


def test_a_stage_that_fails_without_a_word_shows_its_last_lines() -> None:
    said = [f"line {number}" for number in range(LAST + 5)]
    assert shown(*said, FAILED.format("tree@a-1")) == [*said[5:], FAILED.format("tree@a-1")]
    assert shown("line", *TRACEBACK, FAILED.format("tree@a-1")) == [*TRACEBACK, FAILED.format("tree@a-1")]
