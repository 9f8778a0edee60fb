"""What tests of the viewer share."""

import pytest

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

    from pipeline.viewer.measure import Growth, with_trees
    from pipeline.viewer.view import Explanation, View

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
            "predicted": 0,
            "attention": torch.full(attribution.shape, 1 / n) if attention is None else attention,
            "explanations": (one,),
        }
        view = View(**(facts | changes))
        return with_trees(view, Growth()) if trees else view

    return make
