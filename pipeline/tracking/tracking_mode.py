"""Whether W&B is tracked online: its server is asked once per pipeline run, and what failed is not tried again."""

import logging
import os
import time
from pathlib import Path

from pipeline.data.network import post_json, require_answer
from pipeline.launch.signals import LEADER
from pipeline.values.schema import Tracking
from pipeline.values.store import read_json, write_json

log = logging.getLogger(__name__)

FAILURE = Path(".work/tracking.json")
LIFE = 3600.0  # seconds until a server that failed is asked again
VIEWER = {"query": "query Viewer { viewer { username } }"}


def tracking_mode(settings: Tracking) -> str:
    """As run.tracking.mode and WANDB_MODE say; but `offline` where there is no key, or W&B does not take it.

    `auto` without a key is offline without a word, as nothing else was asked for.
    """
    asked = (os.environ.get("WANDB_MODE") or "auto") if settings.mode == "auto" else settings.mode
    if asked not in ("auto", "online"):
        return asked
    import wandb

    try:
        # Verifying the key, and greeting its owner, would wait for a server that may not answer.
        server = wandb.setup(wandb.Settings(silent=True)).settings.base_url
        if not wandb.login(prompt=False, verify=False):
            if asked == "online":
                log.warning("tracking offline: W&B knows no key; give it one with: wandb login")
            return "offline"
        if _failed_before(server):
            return "offline"
        require_login(server, wandb.setup().settings.api_key)
        return "online"
    # Whatever W&B's client, a server or what stands between make of it.
    except Exception as error:
        go_offline(error)
        return "offline"


def go_offline(reason: object) -> None:
    """Say why, and spare the other stages of the pipeline run what it cost."""
    import wandb

    log.warning("tracking offline (later: wandb sync wandb/offline-run-*): %s", " ".join(str(reason).split()))
    try:
        write_json(
            FAILURE, _pipeline_run(wandb.setup().settings.base_url) | {"at": int(time.time())}
        )  # floats are rounded, and might lie ahead
    except Exception as error:
        log.debug("%s is not written: %s", FAILURE, error)


def require_login(server: str, key: str | None) -> None:
    """Raise OSError or ValueError unless W&B's server takes the key, asked once."""
    if not key:  # another kind of login, which only W&B's own client speaks
        require_answer(server)
        return
    answer = post_json(f"{server.rstrip('/')}/graphql", VIEWER, user="api", password=key)
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
        raise ValueError(f"{server} answers, but not as W&B does")
    if not answer["data"].get("viewer"):
        raise ValueError(f"{server} does not know the key; give it one with: wandb login --relogin")


def _failed_before(server: str) -> bool:
    try:
        failure = read_json(FAILURE)
        age = time.time() - failure.pop("at")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return failure == _pipeline_run(server) and 0 <= age < LIFE


def _pipeline_run(server: str) -> dict[str, object]:
    """What the stages that one command started have in common: a shell gives it a process group of its own."""
    return {"group": int(os.environ.get(LEADER) or os.getpgrp()), "server": server}
