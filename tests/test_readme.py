"""The README's code does what it says."""

import re
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

README = Path(__file__).parents[1] / "README.md"
SENTENCES = (
    "the farmer would still stay because the soup was scarcely delightful .",
    "it was not a poor play and the distant guest could still wait .",
)


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a random two-layer BERT and its tokenizer, where the README has its model."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "models" / "my-sst2-1"
    text = " ".join((*SENTENCES, "this is not a bad film"))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(text.split())]
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(place)
    torch.manual_seed(1)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 24, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(words), num_labels=2, initializer_range=0.2, **sizes)
    BertForSequenceClassification(config).save_pretrained(place)
    return place


def test_the_code_blocks_run_and_their_comments_are_right(folder: Path, capsys: pytest.CaptureFixture[str]):
    page, code = code_blocks(README.read_text(encoding="utf-8"))
    assert str(folder.relative_to(Path.cwd())) in page
    names: dict[str, object] = {}
    exec(compile(page, str(README), "exec"), names)
    assert "Attribution tree at tau 0.4" in capsys.readouterr().out
    assert "bad" in Path("film.html").read_text(encoding="utf-8")
    exec(compile(code, str(README), "exec"), names)
    result, batch, head_sum = names["result"], names["batch"], names["head_sum"]
    assert all(sentence in code for sentence in SENTENCES)
    # [CLS], the words and [SEP] of the longer sentence.
    n = 2 + max(len(sentence.split()) for sentence in SENTENCES)
    assert batch["input_ids"].shape == (2, n)
    assert result.attribution.shape == result.attention_probs.shape == (2, 2, 3, n, n)
    assert result.completeness_gap.shape == result.unconverged.shape == (2, 2)
    assert result.attribution.abs().sum() > 0
    padding = batch["attention_mask"] == 0
    assert not result.attribution.transpose(1, 3)[padding].any()
    assert torch.equal(head_sum, result.attribution[0].sum(dim=1))
    assert head_sum.shape == (2, n, n)
    assert names["useful"].shape == (2, 3)
    size = result.attribution.abs().sum(dim=(2, 3, 4))
    assert not result.unconverged.any()
    # An error of 1 %.
    assert (result.completeness_gap.abs() <= 0.01 * size.clamp(min=1e-4)).all()
