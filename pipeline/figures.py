"""Draw the paper's figures from the experiments' curves.

Reads:  outputs/{effectiveness,prune,convergence}/*/curves.csv, outputs/attributions/*/completeness.csv,
        metrics/{finetune,prune}
Writes: outputs/figures/{convergence,completeness,effectiveness,pruning}.{svg,png}
Run:    python -m pipeline.figures
"""

from pipeline.run.cli import run_stage
from pipeline.run.config import StageConfig
from pipeline.run.paths import summary_folder


def main(config: StageConfig) -> None:
    """One figure per experiment, a panel per task."""
    from pipeline.analysis.intervals import majority_share
    from pipeline.reporting.error_plots import completeness_figure, convergence_figure
    from pipeline.reporting.plots import effectiveness_figure, pruning_figure, save_figure
    from pipeline.run.results import has_results, read_curves, read_metrics
    from pipeline.run.tracking import track

    # Pruning may be measured on a sample of the dev examples, in which the classes have other shares.
    of_dev = {metrics["task"]: majority_share(metrics) for metrics in read_metrics(config, "finetune")}
    of_sample = {metrics["task"]: metrics["majority"] for metrics in read_metrics(config, "prune")}
    figures = {
        "effectiveness": effectiveness_figure(read_curves(config, "effectiveness"), of_dev),
        "pruning": pruning_figure(read_curves(config, "prune"), of_sample),
    }
    if has_results(config, "convergence"):
        figures["convergence"] = convergence_figure(read_curves(config, "convergence"))
    if has_results(config, "attributions"):
        figures["completeness"] = completeness_figure(read_curves(config, "attributions", name="completeness"))
    folder = summary_folder(config.output_root, "figures")
    folder.mkdir(parents=True, exist_ok=True)
    with track(config) as tracker:
        for name, figure in figures.items():
            save_figure(figure, folder / name, dpi=config.figures.dpi)
            tracker.image(name, folder / f"{name}.png")


if __name__ == "__main__":
    run_stage("figures", main)
