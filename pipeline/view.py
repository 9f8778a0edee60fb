"""Explain some dev examples in full, for the viewer.

Every class, trees at every threshold, and what these carry.

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/view/<task>-<seed>/{examples.json,viewer.html}
Run:    python -m pipeline.view task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """The first examples that are short enough; none, and no model, of a task that is withheld."""
    from transformers import AutoTokenizer

    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.tracking import track
    from pipeline.values.store import replace, write_json
    from pipeline.viewer.measure import shown_views
    from pipeline.viewer.pack import packed
    from pipeline.viewer.page import viewer_page

    task, seed, settings = config.task, config.seed, config.view
    data = data_folder(config.input_root, task, seed)
    fitting = [one for one in read_examples(data / "dev.parquet") if len(one) <= settings.longest]
    chosen = [] if task in config.tree.withheld else fitting[: settings.n_shown]
    folder = experiment_folder(config.output_root, "view", task, seed)
    views = []
    with track(config) as tracker:
        if chosen:
            model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
            tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
            how = {"attribution": config.attribute, "tree": config.tree, "seed": seed}
            views = shown_views(model, tokenizer, chosen, task=task, token_budget=config.run.token_budget, **how)
        examples = packed(views, most_bytes=1000 * settings.kilobytes)
        write_json(folder / "examples.json", {"examples": examples})
        if examples:
            page = viewer_page(examples, title=f"{config.label}: examples", tau=config.tree.tau)
            replace(folder / "viewer.html", page.encode())
            tracker.html("viewer", folder / "viewer.html")


if __name__ == "__main__":
    run_stage("view", main)
