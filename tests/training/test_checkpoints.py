from types import SimpleNamespace

import pytorch_lightning as pl

from pipeline.training.checkpoints import BestEpoch


def epochs(keep: BestEpoch, *accuracies: float, held: str = "") -> list[str]:
    """What the file holds after each epoch of these accuracies, if epochs save their accuracy."""
    files = {"best.ckpt": held}
    found = []
    for accuracy in accuracies:
        trainer = SimpleNamespace(
            callback_metrics={"dev_accuracy": accuracy},
            save_checkpoint=lambda name, a=accuracy: files.update({name: f"{a}"}),
        )
        keep.on_train_epoch_end(trainer, pl.LightningModule())  # type: ignore[arg-type]
        found.append(files["best.ckpt"])
    return found


def test_the_first_of_the_best_epochs_is_kept_by_a_run_that_goes_on_too() -> None:
    first = BestEpoch()
    assert epochs(first, 0.0, 0.5, 0.75, 0.75, 0.625) == ["0.0", "0.5", "0.75", "0.75", "0.75"]
    later = BestEpoch()
    later.load_state_dict(first.state_dict())
    assert epochs(later, 0.7, 0.8, held="0.75") == ["0.75", "0.8"]
