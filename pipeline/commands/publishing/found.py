"""What a Weights & Biases server has by a path."""

from collections.abc import Callable
from typing import Any

from pipeline.errors import InputError


def found(find: Callable[[str], Any], path: str) -> Any:
    """What the server has by that path; None where it has nothing.

    Raises:
        InputError: if it cannot be asked.
    """
    from wandb.errors import CommError

    try:
        return find(path)
    except (CommError, ValueError) as error:
        if not any(words in str(error) for words in ("not found", "Could not find")):
            raise InputError(f"{path} cannot be asked for: {' '.join(str(error).split())}") from None
        return None
