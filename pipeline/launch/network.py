"""Whether a server can be reached, asked before a client that would retry for a minute."""

from urllib.error import HTTPError
from urllib.request import Request, build_opener

TIMEOUT = 5.0  # seconds


def require_answer(url: str) -> None:
    """Raise OSError unless a server answers at `url`, whatever it says; through the environment's proxies."""
    try:
        # `urlopen` keeps the proxies of its first call.
        build_opener().open(Request(url, method="HEAD"), timeout=TIMEOUT).close()  # noqa: S310 - a configured address
    except HTTPError:
        return
