"""Tracking with servers of several kinds in W&B's place: what it costs, what it says, and what it leaves."""

import base64
import http.server
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipeline.data import network
from pipeline.tracking import tracking_mode
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params

KEY = "k" * 40
VIEWER = {"data": {"viewer": {"username": "someone"}}}
Asked = list[tuple[str, str | None]]


@contextmanager
def server(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, Asked]]:
    """A server that lets `answer` answer every POST, and notes who asked for what."""
    asked: Asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", asked
        finally:
            running.shutdown()
            thread.join()


def gives(content: object, code: int = 200) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        request.send_response(code)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def drips(request: http.server.BaseHTTPRequestHandler) -> None:
    """An answer that never ends, each byte in time."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    released = threading.Event()
    for _ in range(200):
        try:
            request.wfile.write(b" ")
        except OSError:
            return
        released.wait(0.05)


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of the test's own, no proxies, and W&B as in a new process."""
    import wandb

    for name in [name for name in os.environ if name.startswith("WANDB_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(network, "TIMEOUT", 0.5)
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    wandb.teardown()
    yield
    wandb.teardown()


def mode(address: str, monkeypatch: pytest.MonkeyPatch, *, asked: str = "auto", key: str | None = KEY) -> str:
    import wandb

    wandb.teardown()
    monkeypatch.setenv("WANDB_BASE_URL", address)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    settings = compose_params(["preset=mini", f"run.tracking.mode={asked}"]).run.tracking
    return tracking_mode.tracking_mode(settings)


@pytest.mark.parametrize("asked", ["auto", "online"])
def test_online_where_the_server_takes_the_key(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    with server(gives(VIEWER)) as (address, requests):
        assert mode(address, monkeypatch, asked=asked) == "online"
    ((path, login),) = requests
    assert path == "/graphql"
    assert base64.b64decode(str(login).removeprefix("Basic ")) == b"api:" + KEY.encode()


@pytest.mark.parametrize("asked", ["auto", "online"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (gives({"error": "user is not logged in"}, 401), "401"),
        (gives("forbidden", 403), "403"),
        (gives("", 500), "500"),
        (gives("<html>Log in to this network</html>"), "no JSON"),
        (gives({"data": {"viewer": None}}), "does not know the key"),
        (gives({"errors": []}), "not as W&B does"),
        (gives([]), "not as W&B does"),
        (drips, "timed out"),
    ],
)
def test_offline_with_one_warning_where_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[http.server.BaseHTTPRequestHandler], None],
    reason: str,
    asked: str,
) -> None:
    with server(answer) as (address, requests):
        assert mode(address, monkeypatch, asked=asked) == "offline"
        (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert warning.startswith("tracking offline (later: wandb sync wandb/offline-run-*): ")
        assert reason in warning
        assert "\n" not in warning
        # The next stage neither asks nor warns.
        assert mode(address, monkeypatch, asked=asked) == "offline"
        assert len(requests) == 1
        assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_offline_where_nobody_answers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        assert mode(f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch) == "offline"
        assert "timed out" in caplog.text
        assert mode("http://127.0.0.1:9", monkeypatch) == "offline"
        assert "refused" in caplog.text


def test_a_search_for_the_servers_name_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60))
    assert mode("http://wandb.example", monkeypatch) == "offline"
    assert "timed out" in caplog.text
    ended.set()


def test_another_pipeline_run_or_server_or_hour_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(gives("", 500)) as (address, requests), server(gives("", 500)) as (other, requests_of_other):
        mode(address, monkeypatch)
        mode(other, monkeypatch)
        assert (len(requests), len(requests_of_other)) == (1, 1)
        monkeypatch.setattr(os, "getpgrp", lambda: 7)
        mode(other, monkeypatch)
        assert len(requests_of_other) == 2
        monkeypatch.setattr(tracking_mode, "LIFE", 0)
        mode(other, monkeypatch)
        assert len(requests_of_other) == 3
        monkeypatch.undo()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"at": "noon"}'])
def test_a_damaged_memory_is_none(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    tracking_mode.FAILURE.parent.mkdir()
    tracking_mode.FAILURE.write_text(content)
    with server(gives(VIEWER)) as (address, _):
        assert mode(address, monkeypatch) == "online"


def test_without_a_key_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with server(gives(VIEWER)) as (address, requests):
        assert mode(address, monkeypatch, key=None) == "offline"
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert mode(address, monkeypatch, key=None, asked="online") == "offline"
        assert "W&B knows no key; give it one with: wandb login" in caplog.text
        assert requests == []


# Whole runs, by W&B's own client.

SCRIPT = """
import logging, os, sys
from pipeline.tracking import tracking
from pipeline.tracking.tracking import track
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params

logging.basicConfig(format="%(levelname)s %(message)s")
tracking.LONGEST = 1.0
params = compose_params(["preset=mini", f"run.tracking.mode={sys.argv[1]}"])
for stage in sys.argv[2:]:
    config = StageConfig(params, stage=stage, declared=frozenset({stage}), task="negation", seed=1)
    with track(config) as tracker:
        tracker.summary({"stage": stage})
print("done")
"""


def stage(name: str, mode: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", SCRIPT, mode, name]
    variables = {**os.environ, **environment, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=100)


def inspected(run_file: Path) -> dict[str, object]:
    command = [Path(sys.executable).with_name("wandb"), "leet", "inspect", "--json", run_file]
    records = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(record["run"] for record in map(json.loads, records) if record["type"] == "run")


def test_variables_that_name_one_run_do_not_make_one_of_all_stages(tmp_path: Path) -> None:
    names = {"RUN_ID": "x", "RESUME": "must", "NAME": "n", "RUN_GROUP": "g", "JOB_TYPE": "j", "SWEEP_ID": "s"}
    for name in ("prune", "tree"):
        stage(name, "offline", **{f"WANDB_{key}": value for key, value in names.items()})
    runs = [inspected(path) for path in sorted(tmp_path.rglob("*.wandb"))]
    assert {(run["display_name"], run["job_type"]) for run in runs} == {
        ("prune@negation-1", "prune"),
        ("tree@negation-1", "tree"),
    }
    (group,) = {str(run["run_group"]) for run in runs}
    assert re.fullmatch(r"mini-\w{8}", group)
    ids = {run["run_id"] for run in runs}
    assert len(ids) == 2
    assert "x" not in ids


def test_a_server_that_takes_the_key_and_nothing_else_costs_one_stage_a_warning(tmp_path: Path) -> None:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        gives(VIEWER)(request) if len(requests) == 1 else gives("", 500)(request)

    with server(answer) as (address, requests):
        given = {"WANDB_BASE_URL": address, "WANDB_API_KEY": KEY}
        first, second = (stage(name, "auto", **given) for name in ("prune", "tree"))
    assert (first.stdout, second.stdout) == ("done\n", "done\n")
    warnings = [line for line in first.stderr.splitlines() if line.startswith("WARNING tracking offline")]
    assert len(warnings) == 1
    assert "WARNING" not in second.stderr
    assert {inspected(path)["job_type"] for path in tmp_path.rglob("offline-run-*/*.wandb")} == {"prune", "tree"}
