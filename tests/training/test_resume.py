"""A fine-tuning that is killed in the middle of an epoch and run again gives the very same weights."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, time
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

from attattr.examples import Example
from pipeline.launch.unfinished import Unfinished
from pipeline.values.presets import compose_params
from pipeline.training.classifier import Classifier, fit

folder, stop = Path(sys.argv[1]), sys.argv[2] == "stop"


class Watched(Classifier):
    def on_train_epoch_start(self):
        with (folder / "epochs").open("a") as file:
            file.write(f"{self.current_epoch}\\n")

    def training_step(self, batch):
        self.steps = getattr(self, "steps", 0) + 1
        if stop and self.steps == 10:  # two steps into the second epoch of eight
            (folder / "waiting").touch()
            time.sleep(300)
        return super().training_step(batch)


torch.manual_seed(0)
config = BertConfig(
    vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
    max_position_embeddings=16, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, num_labels=2,
)
model = BertForSequenceClassification(config)
ids = torch.randint(5, 60, (60, 12)).tolist()
examples = [Example(str(n), row[: 4 + n % 8], [0] * (4 + n % 8), n % 2, [[1, 3 + n % 8]]) for n, row in enumerate(ids)]
settings = compose_params(["preset=mini"]).finetune.model_copy(update={"batch_size": 8, "select": "last"})
classifier = Watched(model, examples, examples[:9], settings=settings, epochs=3, seed=1, workers=0)
fit(classifier, device=torch.device("cpu"), checkpoints=Unfinished(folder / "checkpoints", "key"), logger=None)
save_file(model.state_dict(), folder / "weights.safetensors")
"""


def start(folder: Path, mode: str) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), mode],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr").open("a"),
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the other processes have it: more threads may add numbers in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.slow
def test_killed_in_its_second_epoch_and_run_again(tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    killed = start(cut, "stop")
    try:
        # Meanwhile the uninterrupted run, in this process.
        whole.mkdir()
        monkeypatch.setattr(sys, "argv", ["script", str(whole), "go"])
        exec(SCRIPT, {"__name__": "script"})

        deadline = time.monotonic() + 120
        while not (cut / "waiting").exists():
            assert killed.poll() is None, (cut / "stderr").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (cut / "checkpoints" / "last.ckpt").is_file()
    finally:
        killed.kill()  # SIGKILL
        killed.wait()
    assert not (cut / "weights.safetensors").exists()

    assert start(cut, "go").wait(timeout=120) == 0, (cut / "stderr").read_text()
    assert (cut / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    # The first epoch was not trained again.
    assert (cut / "epochs").read_text().split() == ["0", "1", "1", "2"]
    assert (whole / "epochs").read_text().split() == ["0", "1", "2"]
