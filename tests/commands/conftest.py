"""What the tests of the commands share."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def exit_code() -> Callable[..., int]:
    """`exit_code(main, *arguments)`: what a command ends with."""

    def ended(main: Callable[..., None], *arguments: Any) -> int:
        try:
            main(*arguments)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return ended
