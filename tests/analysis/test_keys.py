"""Keys of statistics: parts and text say the same, and nothing is made that is not known."""

import json
from pathlib import Path

import pytest

from pipeline.analysis.experiments import ANALYSES, means, quantities_of
from pipeline.analysis.keys import NUMBER, Quantity
from pipeline.analysis.quantities import QUANTITIES, Prune, Tree
from pipeline.values.task_table import read_task_table

TASKS = tuple(read_task_table())
RESULTS = Path(__file__).parents[2] / "results"
EVERY = [quantity for own in QUANTITIES.values() for quantity in own]
KEPT = [
    (path.parent.name, one["name"])
    for path in sorted((RESULTS / "mini/outputs/analysis").glob("*/records.json"))
    for one in json.loads(path.read_text())["statistics" if path.parent.name != "claims" else "records"]
    if "name" in one
]


def test_a_key_is_read_back_from_its_text():
    for quantity in EVERY:
        for text in quantity.texts(tasks=TASKS[:3], numbers=["0", "0.25"]):
            key = quantity.read(text)
            assert key is not None
            assert quantity.key(**key.parts) == key
            assert key.text == text


def test_no_text_is_that_of_two_quantities_of_an_experiment():
    for own in QUANTITIES.values():
        texts = [text for one in own for text in one.texts(tasks=TASKS, numbers=["0.5"])]
        assert len(set(texts)) == len(texts)


def test_every_statistic_of_the_kept_runs_is_known_and_every_quantity_is_made():
    assert KEPT
    made = {(experiment, name): [one for one in QUANTITIES[experiment] if one.read(name)] for experiment, name in KEPT}
    assert [key for key, found in made.items() if not found] == []
    # They have no RTE, and no examples of pairs that MNLI and RTE would be told from.
    never = {one.form for one in EVERY} - {one.form for found in made.values() for one in found}
    assert never == {"similar-others", "similar-others/spearman"}


def test_an_unknown_part_makes_no_key():
    with pytest.raises(ValueError, match=r"prune: against is tailor, but lead/\{against\}/\{how\} has "):
        Prune.LEAD.key(against="tailor", how="none")
    with pytest.raises(ValueError, match=r"tree: tau is high, but excess/\{tau\} has "):
        Tree.EXCESS.key(tau="high")


def test_a_narrower_quantity_reads_its_own_alone():
    divided = Prune.AUC.where(how="layer_l2")
    assert divided.read("auc/taylor/layer_l2") == divided.key(method="taylor")
    assert divided.read("auc/taylor/none") is None
    assert divided.has(method="taylor")
    assert not divided.has(how="none")


def test_numbers_have_one_text():
    assert Tree.EXCESS.key(tau=0.4).text == Tree.EXCESS.key(tau="0.4").text == "excess/0.4"
    assert all(NUMBER.fullmatch(f"{number:g}") for number in (0, 1, 0.05, 1e-6, 20))


def test_an_experiment_of_means_has_a_quantity_for_each_column(monkeypatch):
    monkeypatch.setitem(ANALYSES, "length", means("length", tokens=("tokens", ""), words=("words", "")))
    assert quantities_of("length") == (Quantity("length", "tokens"), Quantity("length", "words"))
    assert quantities_of("attribute") == ()
