"""A browser, and views of random and real examples for its page."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from views_by_hand import random_view

from pipeline.viewer.view import View


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a page's text in a tab of a width and colour scheme; its errors and requests fail the test."""
    context, errors, requests = [], [], []

    def open_page(text: str, *, width: int = 1280, scheme: str = "light", fragment: str = "") -> Any:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        own = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
        context.append(own)
        tab = own.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(f"file://{path}{fragment}")
        tab.wait_for_selector(".viewer[data-drawn]")
        return tab

    yield open_page
    for own in context:
        own.close()
    assert not errors
    assert all(url.startswith(("file://", "data:", "blob:")) for url in requests)


@pytest.fixture(scope="session")
def random_views() -> list[View]:
    return [random_view(seed, tokens=6 + seed % 20) for seed in range(50)]


@pytest.fixture(scope="session")
def real_views() -> list[View]:
    """Five sentences of SST-2 under the pretrained encoder, with a classifier that is drawn."""
    folder = os.environ.get("ATTATTR_DATA")
    if not folder:
        pytest.skip("ATTATTR_DATA is not set")
    import pandas as pd
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from pipeline.viewer import explain_texts

    torch.manual_seed(0)
    weights = Path(folder) / "models" / "minilm-l6-h384"
    model = AutoModelForSequenceClassification.from_pretrained(weights, dtype=torch.float32, num_labels=2).eval()
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    texts = pd.read_parquet(Path(folder) / "glue" / "sst2" / "validation.parquet")["sentence"].tolist()[:5]
    return explain_texts(model, AutoTokenizer.from_pretrained(weights), texts, shares=False)
