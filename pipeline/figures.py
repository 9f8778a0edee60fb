"""Draw the paper's figures from the experiments' curves, and heat maps and trees of single examples.

Reads:  outputs/{effectiveness,prune,convergence,universality,tree,receptive_field,triggers}, outputs/attributions,
        metrics/{finetune,prune,triggers}
Writes: outputs/figures/*.{svg,png}
Run:    python -m pipeline.figures
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import summary_folder


def main(config: StageConfig) -> None:
    """One figure per experiment, a panel per task; per task a heat map and trees."""
    from pipeline.analysis.intervals import majority_share
    from pipeline.launch.tracking import track
    from pipeline.reporting.convergence.plots import completeness_figure, convergence_figure
    from pipeline.reporting.plots import effectiveness_figure, pruning_figure, save_figure
    from pipeline.reporting.receptive_field.plots import (
        receptive_field_figure,
        receptive_field_share_figure,
        tasks_with_pairs,
    )
    from pipeline.reporting.results import (
        read_curves,
        read_head_maps,
        read_importance,
        read_metrics,
        read_trees,
        read_universality,
    )
    from pipeline.reporting.tree.heatmap import attention_and_attribution_figure
    from pipeline.reporting.tree.plots import faithfulness_figure, trees_figure
    from pipeline.reporting.triggers.plots import triggers_figure
    from pipeline.reporting.universality.plots import universality_figure

    # Pruning may be measured on a sample of the dev examples, in which the classes have other shares.
    of_dev = {metrics["task"]: majority_share(metrics) for metrics in read_metrics(config, "finetune")}
    of_sample = {metrics["task"]: metrics["majority"] for metrics in read_metrics(config, "prune")}
    distances = read_curves(config, "receptive_field", name="distances")
    figures = {
        "effectiveness": effectiveness_figure(read_curves(config, "effectiveness"), of_dev),
        "pruning": pruning_figure(read_curves(config, "prune"), of_sample),
        "convergence": convergence_figure(read_curves(config, "convergence")),
        "completeness": completeness_figure(read_curves(config, "attributions", name="completeness")),
        "faithfulness": faithfulness_figure(read_curves(config, "tree")),
        "receptive_field": receptive_field_figure(distances),
        "triggers": triggers_figure(read_curves(config, "triggers", name="triggers"), read_metrics(config, "triggers")),
    }
    if tasks_with_pairs(distances):
        figures["receptive_field_share"] = receptive_field_share_figure(distances)
    if pairs := read_universality(config)["pairs"]:
        figures["universality"] = universality_figure(read_importance(config), pairs)
    for task in config.tasks:
        trees = read_trees(config, task)
        if trees:
            figures[f"trees_{task}"] = trees_figure(trees)
            first, chosen = trees[0], (config.figures.heatmap_layer, config.figures.heatmap_head)
            layer, head = (own if given is None else given for own, given in zip(first["head"], chosen, strict=True))
            if maps := read_head_maps(config, task, first["example_id"], layer=layer, head=head):
                title = f"layer {layer + 1}, head {head + 1}; predicted: {first['predicted']}"
                figures[f"heatmap_{task}"] = attention_and_attribution_figure(*maps, first["tokens"], title=title)
    folder = summary_folder(config.output_root, "figures")
    folder.mkdir(parents=True, exist_ok=True)
    with track(config) as tracker:
        for name, figure in figures.items():
            save_figure(figure, folder / name, dpi=config.figures.dpi)
            tracker.image(name, folder / f"{name}.png")


if __name__ == "__main__":
    run_stage("figures", main)
