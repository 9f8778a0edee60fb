"""Draw the paper's figures from the experiments' curves, and heat maps and trees of single examples.

Reads:  outputs/analysis, outputs/tree/*/trees.json, outputs/attributions/*/full.safetensors
Writes: outputs/figures/*.{svg,png}
Run:    python -m pipeline.figures
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import summary_folder


def main(config: StageConfig) -> None:
    """The figures of every experiment, a panel per task."""
    from importlib import import_module

    from pipeline.launch.tracking import track
    from pipeline.reporting.experiments import shown
    from pipeline.reporting.panels import save_figure
    from pipeline.reporting.results import Results

    results = Results(config.input_root, config.tasks, config.seeds)
    folder = summary_folder(config.output_root, "figures")
    folder.mkdir(parents=True, exist_ok=True)
    with track(config) as tracker:
        for experiment in shown("plots"):
            plots = import_module(f"pipeline.reporting.{experiment}.plots")
            for name, figure in plots.figures(results, config.figures).items():
                save_figure(figure, folder / name, dpi=config.figures.dpi)
                tracker.image(name, folder / f"{name}.png")


if __name__ == "__main__":
    run_stage("figures", main)
