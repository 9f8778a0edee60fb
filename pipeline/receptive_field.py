"""How far apart are the ends of tree edges, layer by layer, and do they stay within a sentence?

Reads:  outputs/tree/<task>-<seed>/edges.parquet
Writes: outputs/receptive_field/<task>-<seed>/distances.csv, metrics/receptive_field/<task>-<seed>.json
Run:    python -m pipeline.receptive_field task=<task> seed=<seed>
"""

from pipeline.errors import InputError
from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import experiment_folder, metrics_file


def main(config: StageConfig) -> None:
    """Measure all edges; the metrics at the top are those without special tokens."""
    import pandas

    from pipeline.analysis.receptive_field import distance_rows, measure_reach, summary
    from pipeline.launch.tracking import track
    from pipeline.values.store import write_csv, write_json

    task, seed, settings = config.task, config.seed, config.receptive_field
    path = experiment_folder(config.input_root, "tree", task, seed) / "edges.parquet"
    if not path.is_file():
        raise InputError(f"{path} is missing; run: dvc repro tree")
    edges = pandas.read_parquet(path)
    reach = measure_reach(edges, draws=settings.bootstrap_draws, seed=settings.seed)
    n = len(set(edges["example_id"])) if len(edges) else 0
    with track(config) as tracker:
        rows = distance_rows(reach, task=task, seed=seed, n=n)
        metrics = {
            "task": task,
            "seed": seed,
            "n": n,
            "layers": len(reach["with"].distances),
            **summary(reach["without"]),
            "with_special": summary(reach["with"]),
        }
        tracker.curves("distances", rows)
        tracker.summary(metrics)
        folder = experiment_folder(config.output_root, "receptive_field", task, seed)
        write_csv(folder / "distances.csv", rows)
        write_json(metrics_file(config.output_root, "receptive_field", task, seed), metrics)


if __name__ == "__main__":
    run_stage("receptive_field", main)
