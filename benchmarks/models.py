"""The real models that the benchmarks measure: the pretrained 6-layer BERT, fine-tuned on a part of each GLUE task.

Run: python -m benchmarks.models    (needs ATTATTR_DATA; about 20 minutes on 2 cores, once)
"""

from pathlib import Path

from pipeline import finetune, prepare
from pipeline.values.config import ENTRY, StageConfig
from pipeline.values.paths import link_external, model_folder
from pipeline.values.presets import compose_params
from pipeline.values.schema import Params, external_folders

ROOT = Path("scratch/benchmarks")
TASKS = ("sst2", "rte", "mrpc", "mnli")
SEED = 1


def settings() -> Params:
    """The `minilm` preset on 4,000 training examples and two epochs: enough for attributions of a trained model."""
    epochs = "finetune.epochs={default: 2, rte: 4, mrpc: 3}"
    return compose_params(
        ["preset=minilm", "prepare.n_train=4000", "prepare.n_eval=400", "run.tracking.mode=disabled", epochs]
    )


def finetuned(task: str) -> Path:
    """The folder of the task's model, made if it is not there yet; beside it are the tokenised examples."""
    folder = model_folder(ROOT, task, SEED)
    if not (folder / "config.json").is_file():
        params = settings()
        link_external(external_folders(params))
        for stage in (prepare, finetune):
            name = stage.__name__.rpartition(".")[2]
            declared = frozenset({"data", "model", "prepare", "finetune", ENTRY})
            config = StageConfig(params, stage=name, declared=declared, task=task, seed=SEED, output_root=ROOT)
            config.input_root = ROOT
            stage.main(config)
    return folder


if __name__ == "__main__":
    import argparse
    import logging

    argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__).parse_args()
    logging.basicConfig(level="INFO")
    for name in TASKS:
        finetuned(name)
