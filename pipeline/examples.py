"""Make trees and pages of single examples, to be read.

None of a task whose texts may not be published (conf/tasks.yaml).

Reads:  outputs/{data,attributions,tree,view}
Writes: outputs/examples/<task>-<seed>/{trees.json,viewer.json,viewer.html}
Run:    python -m pipeline.examples
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, examples_folder, experiment_folder


def main(config: StageConfig) -> None:
    """Of every task and seed."""
    from dataclasses import replace as changed

    from attattr.viewer.pack import packed
    from attattr.viewer.page import viewer_page
    from attattr.viewer.store import read_views
    from pipeline.reporting.tree.drawn import drawn_trees
    from pipeline.tracking.sentences import TABLES, tree_rows
    from pipeline.tracking.tracking import track
    from pipeline.values.store import replace, write_json

    settings, drawn = config.examples, []
    with track(config) as tracker:
        for task in config.tasks:
            labels, published = config.table[task].labels, config.table[task].published
            for seed in config.seeds:
                folder = examples_folder(config.output_root, task, seed)
                inputs = {
                    "data": data_folder(config.input_root, task, seed),
                    "attributions": attributions_folder(config.input_root, task, seed),
                    "trees": experiment_folder(config.input_root, "tree", task, seed),
                }
                trees = drawn_trees(**inputs, labels=labels, settings=settings) if published else []
                write_json(folder / "trees.json", {"trees": trees})
                drawn += [{"task": task, "seed": seed, **row} for row in tree_rows(trees)]
                views = read_views(experiment_folder(config.input_root, "view", task, seed)) if published else []
                views = [changed(view, task=task) for view in views[: settings.n_views]]
                examples = packed(views, most_bytes=1000 * settings.kilobytes)
                write_json(folder / "viewer.json", {"examples": examples})
                if examples:
                    page = viewer_page(examples, title=f"{task}-{seed}: examples", tau=config.tree.tau)
                    replace(folder / "viewer.html", page.encode())
                    tracker.html("viewer", folder / "viewer.html")
        tracker.table(TABLES["tree"], drawn)


if __name__ == "__main__":
    run_stage("examples", main)
