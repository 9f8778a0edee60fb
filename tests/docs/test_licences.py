"""The list of licences has every pin, at its version."""

import re
import runpy

from pipeline.values.paths import SOURCE

LOCKS = runpy.run_path(str(SOURCE / "docs/licences.py"))["LOCKS"]


def test_every_pin_has_its_licence() -> None:
    text = (SOURCE / "LICENCES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w.-]+) \| ([\w.+]+) \| (.+) \|$", text, re.MULTILINE)
    listed = {(name, version) for name, version, _ in rows if name != "package"}
    pinned = set()
    for lock in LOCKS:
        pinned |= set(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.+]+)", (SOURCE / lock).read_text(), re.MULTILINE))
    assert len(pinned) > 50
    assert listed == pinned, "make licences"
