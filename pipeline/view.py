"""Explain some dev examples in full, for the viewer.

Every class, trees at every threshold, and what these carry.

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/view/<task>-<seed>/{views.json,views.safetensors}
Run:    python -m pipeline.view task=<task> seed=<seed>
"""

from functools import partial

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """The first examples that are short enough."""
    from transformers import AutoTokenizer

    from attattr.tree import attribution_tree
    from attattr.viewer.measure import whole_views
    from attattr.viewer.store import view_files
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import replace

    task, seed, settings = config.task, config.seed, config.view
    data = data_folder(config.input_root, task, seed)
    fitting = [one for one in read_examples(data / "dev.parquet") if len(one) <= settings.max_tokens]
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    names = ("steps", "rule", "tolerance", "max_steps", "path", "output", "precision")
    tree = config.tree
    with track_job(config):
        views = whole_views(
            model,
            tokenizer,
            fitting[: settings.n_examples],
            target="predicted",
            options={name: getattr(config.attribute, name) for name in names},
            grow=partial(attribution_tree, tau_last=tree.tau_last, lam=tree.lam, variant=tree.variant),
            seed=seed,
            token_budget=config.run.token_budget,
        )
        for name, content in view_files(views).items():
            replace(experiment_folder(config.output_root, "view", task, seed) / name, content)


if __name__ == "__main__":
    run_stage("view", main)
