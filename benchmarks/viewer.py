"""The viewer's page: its size, and how long an interaction takes until the next frame is drawn, in a browser.

Views are of random numbers, which pack worse than real scores. Needs chromium.

Run: python -m benchmarks.viewer
"""

import json
import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from attattr.viewer.pack import packed
from attattr.viewer.page import viewer_page

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from views_by_hand import random_view

SIZES = {"12 tokens, 6 x 12": (12, 6, 12), "40 tokens, 12 x 12": (40, 12, 12), "128 tokens, 12 x 12": (128, 12, 12)}
REPEATS = 15
TIMED = """async ([selector, kind, values]) => {
  const times = [];
  for (const value of values) {
    const start = performance.now();
    const element = document.querySelector(selector);
    if (kind === "key") element.dispatchEvent(new KeyboardEvent("keydown", { key: value, bubbles: true }));
    else {
      element.value = value;
      element.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}"""


def main() -> None:
    """Print sizes in kB and times in ms."""
    fifty = viewer_page(packed([random_view(seed, tokens=40, layers=12, heads=12) for seed in range(50)]), title="50")
    sys.stdout.write(f"50 examples, 40 tokens, 12 x 12: {len(fifty.encode()) / 1000:.0f} kB\n")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (tokens, layers, heads) in SIZES.items():
            views = [random_view(seed, tokens=tokens, layers=layers, heads=heads) for seed in range(2)]
            path = Path(folder) / "page.html"
            path.write_text(viewer_page(packed(views), title=name), encoding="utf-8")
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(f"file://{path}")
            tab.wait_for_selector(".viewer[data-drawn]")
            for what, times in _timed(tab).items():
                sys.stdout.write(
                    f"{name:<22} {what:<10} median {median(times):6.1f} ms, at most {max(times):6.1f} ms\n"
                )
        browser.close()


def _timed(tab: Any) -> dict[str, list[float]]:
    steps = [(7 * number) % 100 for number in range(REPEATS)]
    arrows = ["ArrowLeft", "ArrowUp"] * REPEATS
    asked = {
        "threshold": ["input[type=range]", "input", steps],
        "head": [".viewer", "key", arrows[:REPEATS]],
        "example": ["select[aria-label=Example]", "change", [1, 0] * 4],
        "token": ["select[aria-label='Only edges of a token']", "change", ["1", "2", "3", ""]],
    }
    return {what: tab.evaluate(TIMED, arguments) for what, arguments in json.loads(json.dumps(asked)).items()}


if __name__ == "__main__":
    main()
