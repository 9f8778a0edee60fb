"""Parts of a Markdown file that are filled: what stands between two comments."""

import re
from collections.abc import Mapping

from pipeline.errors import InputError

PART = re.compile(r"(<!-- filled: ([a-z ]+) -->\n).*?(<!-- end of filled -->)", re.DOTALL)


def fill(text: str, parts: Mapping[str, str]) -> str:
    """The text with every marked part as `parts` has it.

    Raises:
        InputError: for a mark that names none of the parts.
    """

    def filled(found: re.Match[str]) -> str:
        start, name, end = found.groups()
        if name not in parts:
            raise InputError(f"nothing fills {name!r}: known are {', '.join(parts)}")
        return f"{start}\n{parts[name]}\n\n{end}"

    return PART.sub(filled, text)
