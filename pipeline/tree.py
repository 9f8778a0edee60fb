"""Build trees, and mask their edges (the paper's Algorithm 1).

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/tree/<task>-<seed>/{edges,outcomes,shares}.parquet, trees.json: their roots
Run:    python -m pipeline.tree task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Trees for all dev examples; their edges masked, beside baselines of the same size, for a sample."""
    from pipeline.experiments.tree.arms import build
    from pipeline.experiments.tree.measure import edge_rows, measure, read_head_sums
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_json, write_rows

    task, seed, settings = config.task, config.seed, config.tree
    data = data_folder(config.input_root, task, seed)
    attributions = attributions_folder(config.input_root, task, seed)
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    examples, maps = read_examples(data / "dev.parquet"), read_head_sums(attributions)
    trees = {example.example_id: build(maps[example.example_id], settings) for example in examples}
    with resumable(config), track_job(config):
        chosen = subset(examples, settings.n_examples)
        found = measure(model, chosen, maps, settings=settings, seed=seed, token_budget=config.run.token_budget)
        layers = model.config.num_hidden_layers
        edges = [row for example in examples for row in edge_rows(example, trees[example.example_id], layers=layers)]
        folder = experiment_folder(config.output_root, "tree", task, seed)
        write_rows(folder / "edges.parquet", edges)
        write_rows(folder / "outcomes.parquet", found.outcomes)
        write_rows(folder / "shares.parquet", found.shares)
        roots = {name: tree.root for name, tree in trees.items()}
        counts = {"examples": len(roots), "rootless": sum(root is None for root in roots.values())}
        write_json(folder / "trees.json", {**counts, "roots": roots})


if __name__ == "__main__":
    run_stage("tree", main)
