"""What tests of the viewer share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from views_by_hand import random_view

from attattr.viewer.view import View

WORDS = ["the", "a", "film", "is", "not", "very", "good", "bad", "king", "reads", "his", "old", "book", "again"]


@pytest.fixture(scope="session")
def tokenizer():
    """A tokenizer of the tiny models: whole words; all of `WORDS`, and numbers up to its 60 entries."""
    from transformers import BertTokenizer

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    names += map(str, range(60 - len(names)))
    return BertTokenizer(vocab={name: number for number, name in enumerate(names)})


@pytest.fixture(scope="session")
def byte_tokenizer():
    """A byte-level tokenizer without merges but " film" and "film", as RoBERTa's: its tokens are bytes."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import RobertaTokenizer

    letters = sorted(ByteLevel.alphabet())
    merges = [("f", "i"), ("l", "m"), ("fi", "lm"), ("Ġ", "film")]
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, *("".join(pair) for pair in merges)]
    return RobertaTokenizer(vocab={name: number for number, name in enumerate(names)}, merges=merges)


@pytest.fixture(scope="session")
def made_view():
    """`made_view(attribution, attention=None, *, tokens=None, trees=False, **changes)`: a view of one class, of two."""
    import torch

    from attattr.viewer.measure import with_trees
    from attattr.viewer.view import Explanation, View

    def make(attribution, attention=None, *, tokens=None, trees=False, **changes):
        layers, _, n, _ = attribution.shape
        one = Explanation(
            target=0,
            output="probability",
            value=0.75,
            attribution=attribution,
            passed_on=attribution.clamp(min=0).sum(dim=(0, 1, 2)),
            heads={"attribution, summed": attribution.sum(dim=(2, 3))},
            gradient_sum=None,
            steps=[8] * layers,
            estimated_error=[0.004] * layers,
            unconverged=[False] * layers,
            completeness_gap=[0.001] * layers,
            output_change=[0.5] * layers,
            absolute=attribution.abs().sum(dim=(1, 2, 3)).tolist(),
        )
        facts = {
            "name": "1",
            "task": "",
            "tokens": tokens or [f"t{place}" for place in range(n)],
            "special": [0, n - 1],
            "classes": ["yes", "no"],
            "probabilities": [0.75, 0.25],
            "gold": None,
            "kind": "classes",
            "values": [],
            "predicted": [0],
            "attention": torch.full(attribution.shape, 1 / n) if attention is None else attention,
            "explanations": (one,),
        }
        view = View(**(facts | changes))
        return with_trees(view) if trees else view

    return make


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
    return [random_view(seed, tokens=6 + seed % 20) for seed in range(30)]


@pytest.fixture(scope="session")
def real_views() -> list[View]:
    """Five sentences of SST-2 under the pretrained encoder, with a classifier that is drawn."""
    folder = os.environ.get("ATTATTR_DATA")
    if not folder:
        pytest.skip("ATTATTR_DATA is not set")
    import pandas as pd
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from attattr import explain

    torch.manual_seed(0)
    weights = Path(folder) / "models" / "minilm-l6-h384"
    model = AutoModelForSequenceClassification.from_pretrained(weights, dtype=torch.float32, num_labels=2).eval()
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    texts = pd.read_parquet(Path(folder) / "glue" / "sst2" / "validation.parquet")["sentence"].tolist()[:5]
    return explain(model, AutoTokenizer.from_pretrained(weights), texts, shares=False).views
