"""Tables that hold sentences, for Weights & Biases: triggers and trees."""

from pathlib import Path
from typing import Any

from pipeline.tracking.tracked_files import number, read_csv
from pipeline.values.config import StageConfig
from pipeline.values.paths import analysis_folder, data_folder, experiment_folder
from pipeline.values.store import read_rows

NO_TRIGGER = -1
COSTS = ("strength", "foreign_drop", "drop", "flip_rate")

Rows = list[dict[str, Any]]


def tree_rows(trees: Rows) -> Rows:
    """A row per edge of trees that are drawn: the sentence and its classes, and the tokens that read and are read."""
    return [
        {
            "example_id": tree["example_id"],
            "sentence": " ".join(tree["tokens"]),
            "label": tree["label"],
            "predicted": tree["predicted"],
            "probability": tree["probability"],
            "root": None if tree["root"] is None else tree["tokens"][tree["root"]],
            "layer": edge["layer"],
            "reads": tree["tokens"][edge["query"]],
            "is_read": tree["tokens"][edge["key"]],
            "attribution": edge["value"],
        }
        for tree in trees
        for edge in tree["edges"]
    ]


def trigger_rows(config: StageConfig) -> Rows:
    """A row per mined trigger: what it costs, and a dev sentence before and after, if there is one that it turns.

    None of a task whose texts may not be published.
    """
    from tokenizers import Tokenizer

    from attattr.insertion import Pattern, insert

    task, seed = config.task, config.seed
    if not config.all_values.table[task].published:
        return []
    data = data_folder(config.input_root, task, seed)
    to_text = Tokenizer.from_file(str(data / "tokenizer" / "tokenizer.json")).decode
    examples = {row["example_id"]: row for row in read_rows(data / "dev.parquet")}
    folder = experiment_folder(config.input_root, "triggers", task, seed)
    classes = config.all_values.table[task].labels
    mined = {row["rank"]: row for row in read_rows(folder / "triggers.parquet", kind="mined")}
    turned = _turned(folder / "outcomes.parquet")
    rows = []
    for found in read_csv(analysis_folder(config.output_root, "triggers") / "triggers.csv"):
        if (found["task"], found["seed"]) != (task, str(seed)):
            continue
        one, chosen = mined[int(found["rank"])], turned[int(found["rank"])]
        example = examples[chosen["example_id"]]
        pattern = Pattern(tuple(one["ids"]), tuple(one["segments"]), tuple(one["positions"]), one["strength"])
        ids, types, segments = example["input_ids"], example["token_type_ids"], example["segments"]
        after = insert(ids, types, segments, pattern, max_length=config.all_values.prepare.max_length)
        rows.append(
            {"rank": int(found["rank"]), "tokens": found["tokens"], "class": found["class"]}
            | {name: number(found[name]) for name in COSTS}
            | {"example_id": chosen["example_id"], "label": classes[chosen["label"]]}
            | {"before": to_text(ids, skip_special_tokens=False)}
            | {"predicted_before": classes[chosen["before"]]}
            | {"after": to_text(after.input_ids, skip_special_tokens=False)}
            | {"predicted_after": classes[chosen["predicted"]]}
        )
    return rows


def _turned(outcomes: Path) -> dict[int, Any]:
    """By trigger the first dev example that is right without and wrong with it; the very first where there is none."""
    import pandas

    table: Any = pandas.read_parquet(outcomes, filters=[("sample", "==", "dev")])
    without = table[table["trigger"] == NO_TRIGGER].set_index("example_id")["predicted"]
    table = table[table["trigger"] != NO_TRIGGER]
    table = table.assign(before=table["example_id"].map(without))
    turned = (table["before"] == table["label"]) & (table["predicted"] != table["label"])
    # Of equal ones the order stays.
    first = table.assign(kept=~turned).sort_values("kept", kind="stable").groupby("trigger").first()
    return first.to_dict("index")


TABLES = {"tree": "trees", "triggers": "triggers"}
"""By experiment."""
