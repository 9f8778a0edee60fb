"""A process that does not outlive the one that waits for its work."""

import os
import signal
import threading
import time

PERIOD = 0.5  # seconds


def end_with_parent(parent: int | None = None) -> None:
    """Stop this process, as SIGTERM does, where the one that started it is no more: nobody else would.

    Args:
        parent: its process id, where it may have ended before this call.
    """
    threading.Thread(target=_watch, args=(parent or os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os.kill(os.getpid(), signal.SIGTERM)
