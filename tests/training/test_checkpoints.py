from pathlib import Path
from types import SimpleNamespace

import pytorch_lightning as pl

from pipeline.training.checkpoints import BestEpoch


def epochs(keep: BestEpoch, *accuracies: float) -> list[str]:
    """What the file holds after each epoch of these accuracies, if epochs save their accuracy."""
    held = []
    for accuracy in accuracies:
        trainer = SimpleNamespace(
            callback_metrics={"dev_accuracy": accuracy},
            save_checkpoint=lambda path, a=accuracy: path.write_text(f"{a}"),
        )
        keep.on_train_epoch_end(trainer, pl.LightningModule())  # type: ignore[arg-type]
        held.append(keep.path.read_text())
    return held


def test_the_first_of_the_best_epochs_is_kept_by_a_run_that_goes_on_elsewhere_too(tmp_path: Path) -> None:
    first = BestEpoch(tmp_path / "best.ckpt")
    assert epochs(first, 0.0, 0.5, 0.75, 0.75, 0.625) == ["0.0", "0.5", "0.75", "0.75", "0.75"]
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved/best.ckpt").write_text("0.75")
    later = BestEpoch(tmp_path / "moved/best.ckpt")
    later.load_state_dict(first.state_dict())
    assert epochs(later, 0.7, 0.8) == ["0.75", "0.8"]
    assert not [*tmp_path.rglob("*.partial")]
