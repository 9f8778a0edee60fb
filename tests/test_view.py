"""The stage `view`."""

import json

from pipeline import view
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
from pipeline.values.store import write_rows


def test_of_a_task_that_is_withheld_nothing_is_shown_and_no_model_is_read(random_examples, workspace):
    rows = [vars(example) for example in random_examples([6, 9], labels=2)]
    write_rows(workspace / "outputs/data/negation-1/dev.parquet", rows)
    params = compose_params(["preset=mini", "tree.withheld=[negation]", "run.tracking.mode=disabled"])
    declared = frozenset({"view", "tree", "attribute"})
    given = {"stage": "view", "declared": declared, "task": "negation", "seed": 1}
    view.main(StageConfig(params, **given))
    folder = workspace / "outputs/view/negation-1"
    assert [path.name for path in folder.iterdir()] == ["examples.json"]
    assert json.loads((folder / "examples.json").read_text()) == {"examples": []}
