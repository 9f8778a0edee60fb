"""Whether a server can be reached, asked before a client that would retry for a minute."""

import base64
import json
from collections.abc import Callable
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

TIMEOUT = 5.0  # seconds, all in all


def require_answer(url: str) -> None:
    """Raise OSError unless a server answers at `url`, whatever it says; through the environment's proxies."""

    def ask() -> None:
        try:
            _opened(Request(url, method="HEAD"))  # noqa: S310 - a configured address
        except HTTPError:
            return

    _in_time(ask)


def post_json(url: str, content: object, *, user: str, password: str) -> Any:
    """What a server answers to `content`, both JSON.

    Raises:
        OSError: if it does not answer, or with an error. ValueError: if the answer is no JSON.
    """
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
    request = Request(url, data=json.dumps(content).encode(), headers=headers)  # noqa: S310 - a configured address
    try:
        return json.loads(_in_time(lambda: _opened(request)))
    except ValueError:  # a page to log in to the network, for instance
        raise ValueError(f"{url} answers with no JSON") from None


def _opened(request: Request) -> bytes:
    # `urlopen` keeps the proxies of its first call.
    with build_opener().open(request, timeout=TIMEOUT) as answer:
        return answer.read()


def _in_time(ask: Callable[[], bytes | None]) -> bytes:
    """What `ask` gives; a socket's own timeout counts every packet anew, and the search for the host's name not."""
    answers: list[bytes] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask() or b"")
        except Exception as error:
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("timed out")
    return answers[0]
