"""A stand-in for W&B's server: takes runs as `wandb sync` uploads them, and answers W&B's public API about them."""

import gzip
import http.server
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OWNER = "someone"
Variables = dict[str, Any]


class StandIn:
    """What has been uploaded: runs by id, their lines, artifacts, what runs are said to read, and views."""

    def __init__(self) -> None:
        self.address = ""
        self.runs: dict[str, Variables] = {}
        self.lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.summaries: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, Variables] = {}  # by name and alias
        self.streamed = 0  # parts of runs
        self.states: dict[str, str] = {}
        self.used: set[tuple[str, str]] = set()  # run, artifact
        self.views: dict[str, Variables] = {}
        self.unknown: list[str] = []

    def answer(self, operation: str, query: str, given: Variables) -> dict[str, Any]:
        """The data of an operation's answer."""
        known = getattr(self, re.sub("([A-Z])", lambda found: "_" + found[1].lower(), operation), None)
        if known is None:
            self.unknown.append(f"{operation} {given} {query}")
            return {}
        return known(given)

    def _viewer(self, _: Variables) -> dict[str, Any]:
        return {"viewer": {"id": "u", "username": OWNER, "entity": OWNER, "flags": "{}"}}

    def _get_default_entity(self, _: Variables) -> dict[str, Any]:
        return {"viewer": {"id": "u", "entity": OWNER}}

    def _server_features_query(self, _: Variables) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _upsert_bucket(self, given: Variables) -> dict[str, Any]:
        name = given["name"]
        run = self.runs.setdefault(name, {})
        run |= {key: value for key, value in given.items() if value is not None}
        project = {"id": "p", "name": run["project"], "entity": {"id": "e", "name": OWNER}}
        bucket = {"id": name, "name": name, "displayName": run.get("displayName"), "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _create_artifact(self, given: Variables) -> dict[str, Any]:
        one = given["input"]
        for alias in one["aliases"]:
            self.artifacts[f"{one['artifactCollectionName']}:{alias['alias']}"] = one
        made = {"id": one["digest"], "state": "COMMITTED", "artifactSequence": {"latestArtifact": None}}
        return {"createArtifact": {"artifact": made}}

    def _create_run_files(self, given: Variables) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": f"{self.address}/upload"} for name in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def _run(self, given: Variables) -> dict[str, Any]:
        name = given["name"]
        run = self.runs.get(name)
        if run is None:
            return {"project": {"run": None}}
        asked = {"id": name, "name": name, "projectId": "1", "tags": [], "state": self.states.get(name, "running")}
        asked |= {"config": run["config"], "systemMetrics": "{}", "sweepName": None}
        asked |= {"summaryMetrics": json.dumps(self.summaries.get(name, {})), "historyLineCount": len(self.lines[name])}
        return {"project": {"run": asked | {"user": {"name": OWNER, "username": OWNER}}}}

    def _artifact_membership_by_name(self, given: Variables) -> dict[str, Any]:
        one = self.artifacts.get(given["name"])
        if one is None:
            return {"project": {"artifactCollectionMembership": None}}
        project = {"id": "p", "internalId": "p", "name": given["project"], "entity": {"name": OWNER}}
        collection = {"name": one["artifactCollectionName"], "project": project}
        sequence = {"__typename": "ArtifactSequence", **collection}
        artifact = {"__typename": "Artifact", "id": given["name"], "artifactSequence": sequence, "versionIndex": 0}
        artifact |= {"artifactType": {"name": one["artifactTypeName"]}, "description": None, "metadata": "{}"}
        artifact |= {"ttlDurationSeconds": -2, "ttlIsInherited": True, "tags": [], "historyStep": None, "size": 0}
        artifact |= {"state": "COMMITTED", "digest": one["digest"], "commitHash": "c", "fileCount": 1, "aliases": []}
        artifact |= {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": None}
        known = {"__typename": "ArtifactCollectionMembership", "id": "m", "versionIndex": 0, "aliases": []}
        known |= {"createdAt": "2026-01-01T00:00:00Z", "artifactCollection": sequence, "artifact": artifact}
        return {"project": {"artifactCollectionMembership": known}}

    def _use_artifact(self, given: Variables) -> dict[str, Any]:
        self.used.add((given["runName"], given["artifactID"]))
        return {"useArtifact": {"artifact": {"id": given["artifactID"]}}}

    def _upsert_view2(self, given: Variables) -> dict[str, Any]:
        self.views[given["name"]] = given
        return {"upsertView": {"view": {"id": "v", "name": given["name"]}, "inserted": True}}

    def stream(self, run: str, content: dict[str, Any]) -> None:
        """A part of a run's history and summary, or its end."""
        self.streamed += 1
        files = content.get("files") or {}
        if history := files.get("wandb-history.jsonl"):
            lines = [*map(json.loads, history["content"])]
            self.lines[run][history["offset"] : history["offset"] + len(lines)] = lines
        if content.get("complete"):
            self.states[run] = "finished" if content.get("exitcode") == 0 else "failed"
        for line in files.get("wandb-summary.json", {}).get("content", []):
            self.summaries[run] = json.loads(line)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A server at an address of this machine."""
    state = StandIn()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

        def _reply(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self._body()
            if self.path == "/graphql":
                asked = json.loads(body)
                named = asked.get("operationName") or re.search(r"(?:query|mutation) (\w+)", asked["query"])[1]  # type: ignore[index]
                self._reply({"data": state.answer(named, asked["query"], asked.get("variables") or {})})
                return
            if stream := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
                state.stream(stream[1], json.loads(body))
            self._reply({})

        def do_PUT(self) -> None:
            self._body()
            self._reply({})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's name)
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """The client drops connections that it does not need any more."""

    with Server(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        state.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            running.shutdown()
            thread.join()
