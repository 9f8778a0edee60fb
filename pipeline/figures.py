"""Draw curves, and heat maps and trees of single examples.

Reads:  outputs/analysis, outputs/examples/*/trees.json, outputs/attributions/*/full.safetensors
Writes: outputs/figures/*.{svg,png}; PNGs of single examples in outputs/figures/examples
Run:    python -m pipeline.figures
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import summary_folder


def main(config: StageConfig) -> None:
    """The figures of every experiment, a panel per task."""
    from pipeline.reporting.drawing import curves, examples
    from pipeline.reporting.panels import save_figure
    from pipeline.reporting.results import Results
    from pipeline.tracking.tracking import track

    results = Results(config.input_root, config.tasks, config.seeds)
    folder = summary_folder(config.output_root, "figures")
    folder.mkdir(parents=True, exist_ok=True)
    with track(config) as tracker:
        for name, figure in curves(results, config.figures):
            tracker.image(name, save_figure(figure, folder / name, dpi=config.figures.dpi))
        # `dvc plots` shows curves from their data, but these as pictures.
        for name, figure in examples(results, config.figures):
            png = save_figure(figure, folder / name, dpi=config.figures.dpi, pictures=folder / "examples")
            tracker.image(name, png)


if __name__ == "__main__":
    run_stage("figures", main)
