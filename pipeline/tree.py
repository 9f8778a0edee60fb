"""Build attribution trees, and measure how much of the prediction their edges carry (the paper's Algorithm 1).

Reads:  outputs/data/<task>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/tree/<task>-<seed>/{edges.parquet,faithfulness.parquet,curves.csv,trees.json},
        metrics/tree/<task>-<seed>.json
Run:    python -m pipeline.tree task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, metrics_file, model_folder


def main(config: StageConfig) -> None:
    """Trees for all dev examples; their edges masked, beside baselines of the same size, for a sample."""
    from pipeline.analysis.tree import curve_rows, summary
    from pipeline.experiments.tree.arms import build
    from pipeline.experiments.tree.measure import edge_rows, faithfulness_rows, read_head_sums
    from pipeline.experiments.tree.shown import shown_trees
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples, sampled
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.values.store import write_csv, write_json, write_rows

    task, seed, settings = config.task, config.seed, config.tree
    data, attributions = (
        data_folder(config.input_root, task),
        attributions_folder(config.input_root, task, seed),
    )
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    examples, maps = read_examples(data / "dev.parquet"), read_head_sums(attributions)
    trees = {example.example_id: build(maps[example.example_id], settings) for example in examples}
    with track(config) as tracker:
        chosen = sampled(examples, settings.n_examples, settings.seed)
        rows = faithfulness_rows(model, chosen, maps, settings=settings, token_budget=config.run.token_budget)
        curves = curve_rows(rows, settings=settings, task=task, seed=seed)
        rootless = sum(tree.root is None for tree in trees.values())
        metrics = summary(rows, settings=settings) | {"task": task, "seed": seed}
        metrics |= {"trees": len(trees), "rootless": rootless}
        tracker.summary(metrics)
        layers = model.config.num_hidden_layers
        edges = [row for example in examples for row in edge_rows(example, trees[example.example_id], layers=layers)]
        folder = experiment_folder(config.output_root, "tree", task, seed)
        write_rows(folder / "edges.parquet", edges)
        write_rows(folder / "faithfulness.parquet", rows)
        write_csv(folder / "curves.csv", curves)
        shown = shown_trees(examples, attributions, trees, tokenizer=data / "tokenizer", task=task, settings=settings)
        write_json(folder / "trees.json", shown)
        write_json(metrics_file(config.output_root, "tree", task, seed), metrics)


if __name__ == "__main__":
    run_stage("tree", main)
