"""The jobs of a sweep: run unless they have finished before, recorded in `job.json`, and what became of them.

A record says how the job ended only once it has: one that was interrupted has not finished. `sweep.json` lists the jobs
of the last command line, and a record names the command line that ran or confirmed the job: what an earlier one left
does not pass for a result of this one.
"""

import hashlib
import json
import logging
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import InputError
from pipeline.launch.alone import alone
from pipeline.launch.signals import came_of_stop, signal_name
from pipeline.launch.sweep import Overrides, Sweep
from pipeline.launch.work import dependencies, fingerprint
from pipeline.terminal.errors import is_bad_input, one_line
from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration, write_values
from pipeline.values.store import put_in_place, read_json, write_json
from pipeline.values.sums import digest, files_below, is_whole
from pipeline.values.targets import remove_leftovers

PLAN, RECORD, DIGEST = "sweep.json", "job.json", "sha256"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is known of a job of a sweep."""

    name: str
    overrides: Overrides
    status: Literal["finished", "finished earlier", "failed", "unfinished"]
    """Earlier: by a command line before the last, which has not confirmed that the result is still the same."""
    error: str | None = None
    bad_input: bool = False


def run_job(
    sweep: Sweep,
    name: str,
    *,
    configure: Callable[[], StageConfig],
    main: Callable[[StageConfig], None],
    declaration: Declaration,
) -> None:
    """Run `main` with what `configure` makes, which writes to the job's folder; its failure ends no other job.

    Nothing is done if it has finished before with the same values, inputs and source; otherwise what the folder holds
    is replaced once `main` has ended.
    """
    # By every job, the first one included: before it nothing has been started, and all write the same.
    write_record(sweep.folder / PLAN, {"call": sweep.call, "jobs": sweep.jobs})
    folder, fresh = sweep.folder / name, unfinished_folder(sweep, name)
    before = _read_record(folder)
    record: dict[str, Any] = {"call": sweep.call, "overrides": sweep.jobs[name]}
    try:
        config = configure()
        record["fingerprint"] = fingerprint(config, inputs=dependencies(config, declaration))
        if _is_result_of(record["fingerprint"], folder, before):
            log.info("%s has finished before", name)
            write_record(folder / RECORD, record | {"status": "finished", "files": before["files"]})
            shutil.rmtree(fresh.parent, ignore_errors=True)  # of a run that was stopped when it had just finished
            return
        with alone(config):
            remove_leftovers(folder)
            shutil.rmtree(fresh, ignore_errors=True)  # what a run that was cut off left
            write_values(config)
            write_record(folder / RECORD, record | {"status": "started"})
            log.info("%s starts", name)
            main(config)
            record["files"] = {str(path.relative_to(fresh)): digest(path) for path in files_below(fresh)}
            write_record(fresh / RECORD, record | {"status": "finished"})
            put_in_place(fresh, folder)
    except Exception as error:
        if came_of_stop(error):
            raise
        bad = is_bad_input(error)
        log.error("%s failed: %s", name, one_line(error), exc_info=not bad)
        write_record(folder / RECORD, record | {"status": "failed", "error": one_line(error), "bad_input": bad})
    shutil.rmtree(fresh.parent, ignore_errors=True)


def unfinished_folder(sweep: Sweep, name: str) -> Path:
    """Where a job writes until it has finished: what an earlier one left is not touched before."""
    return sweep.folder / f".{name}" / name


def give_up(sweep: Sweep, name: str, exit_code: int) -> None:
    """Record as failed a job whose process ended without a word, with this exit code (`multiprocessing`'s)."""
    ended = signal_name(exit_code)
    reason = f"its process was ended by {ended}" if ended else f"its process ended with code {exit_code}"
    if ended == "SIGKILL":
        reason += ": does the memory suffice for so many jobs at once (jobs_at_once=1)?"
    outcome = {"status": "failed", "error": reason, "bad_input": False}
    write_record(sweep.folder / name / RECORD, {"call": sweep.call, "overrides": sweep.jobs[name]} | outcome)


def conclude(sweep: Sweep) -> None:
    """Say how the sweep ended; unless all its jobs have finished, name the others and exit.

    The exit code is 2 if nothing but bad input is in the way, else 1.
    """
    jobs = [_job(sweep.folder, name, overrides, call=sweep.call) for name, overrides in sweep.jobs.items()]
    missed = [job for job in jobs if job.status != "finished"]
    log.info("%s: %d of %d jobs have finished", sweep.folder, len(jobs) - len(missed), len(jobs))
    if len(missed) < len(jobs):
        log.info("table and figure: python -m pipeline.commands.sweep_summary %s", shlex.quote(str(sweep.folder)))
    for job in missed:
        sys.stderr.write(f"error: {job.name} {f'failed: {job.error}' if job.error else 'has not finished'}\n")
    if missed:
        sys.exit(2 if all(job.bad_input for job in missed) else 1)


def read_jobs(folder: Path) -> list[Job]:
    """The jobs of a sweep's folder: of its last command line, and those that earlier ones have left.

    Raises:
        InputError: if it is not a sweep's folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    if not (folder / PLAN).is_file():
        within = sorted(path.parent.name for path in folder.glob(f"*/{PLAN}"))
        hint = f"; give one of those in it: {', '.join(within)}" if within else ""
        raise InputError(f"{folder} is not the folder of a sweep{hint}")
    plan = _read(folder / PLAN)
    jobs = plan["jobs"]
    for path in sorted(folder.glob(f"*/{RECORD}")):
        jobs.setdefault(path.parent.name, _read(path)["overrides"])
    return [_job(folder, name, overrides, call=plan["call"]) for name, overrides in jobs.items()]


def _job(folder: Path, name: str, overrides: Overrides, *, call: str) -> Job:
    record = _read_record(folder / name)
    if not record or record["status"] == "started":
        return Job(name, overrides, "unfinished")
    if record["status"] == "failed":
        return Job(name, overrides, "failed", record["error"], record["bad_input"])
    return Job(name, overrides, "finished" if record["call"] == call else "finished earlier")


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write a record with a digest, by which its reader sees that it is whole."""
    write_json(path, record | {DIGEST: _digest(record)})


def _read(path: Path) -> dict[str, Any]:
    record: Any = None
    with suppress(OSError, ValueError):
        record = read_json(path)
    if not isinstance(record, dict) or record.pop(DIGEST, None) != _digest(record):
        raise InputError(f"{path} is damaged: delete its folder and run the sweep again")
    return record


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _read_record(folder: Path) -> dict[str, Any]:
    """The record of the job in the folder, empty if there is none."""
    return _read(folder / RECORD) if (folder / RECORD).is_file() else {}


def _is_result_of(digest: str, folder: Path, record: dict[str, Any]) -> bool:
    """Whether the record is of the same finished work, and its result is there."""
    if (record.get("status"), record.get("fingerprint")) != ("finished", digest):
        return False
    damaged = [name for name, expected in record["files"].items() if not is_whole(folder / name, expected)]
    if damaged:
        log.warning("%s is damaged or missing: its job runs again", folder / damaged[0])
    return not damaged
