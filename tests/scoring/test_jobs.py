"""Attribution of a data set: the rows do not depend on how the work was cut, nor on how many processes did it."""

import random

import numpy as np
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import load_file

from attattr import AttributionError, attribute
from pipeline.errors import InputError
from pipeline.launch.unfinished import Unfinished
from pipeline.scoring.collect import merge, unconverged, write_store
from pipeline.scoring.jobs import Attributor, job_name, make_jobs, run_jobs
from pipeline.scoring.records import Keep
from pipeline.scoring.samples import samples, what_to_keep
from pipeline.scoring.store import per_head, read_heads
from pipeline.values.schema import Trainer
from pipeline.values.store import parquet_of, write_rows

ONE = Trainer(accelerator="cpu", devices=1, strategy="auto")
TWO = Trainer(accelerator="cpu", devices=2, strategy="ddp_spawn")
LENGTHS = [6, 11, 4, 9, 6, 14, 1]


@pytest.fixture
def settings(section):
    def make(**changes):
        values = {"steps": 2, "top_edges": 4, "n_mine": 3, "full_maps": 2}
        return section("attribute", **{**values, "mine_min_tokens": {"sst2": 15}, **changes})

    return make


class Run:
    """A data set of 7 dev examples (both targets) and 3 of the importance sample (gold), its model and its jobs."""

    def __init__(self, model, examples, settings, *, token_budget=40):
        self.model, self.settings = model, settings
        self.splits = {"dev": (examples, ("predicted", "gold")), "importance": (examples[:3], ("gold",))}
        keep = what_to_keep({"mine": ([], ()), **self.splits}, self.settings)
        self.jobs = make_jobs(self.splits, settings=self.settings, token_budget=token_budget)
        self.attributor = Attributor(model, settings=self.settings, token_budget=token_budget, keep=keep)
        places = [(split, e.example_id) for split, (chosen, _) in self.splits.items() for e in chosen]
        self.order = {place: number for number, place in enumerate(places)}

    def into(self, folder, trainer=ONE):
        run_jobs(self.attributor, self.jobs, trainer=trainer, work=Unfinished(folder, "key"), workers=0)
        return self.merged(folder)

    @property
    def names(self):
        return [job_name(job) for job in self.jobs]

    def files(self, folder):
        return [folder / name for name in self.names]

    def merged(self, folder):
        return merge(Unfinished(folder, "key"), self.names, self.order)


@pytest.fixture
def data_set(tiny_model, random_examples, settings):
    def make(labels=3, *, token_budget=40, **changes):
        examples = random_examples(LENGTHS, labels=labels)
        return Run(tiny_model(labels=labels), examples, settings(**changes), token_budget=token_budget)

    return make


def assert_same_rows(first, second, relative):
    """The same rows, numbers within `relative` of the largest of their kind."""
    assert [sorted(row) for row in first] == [sorted(row) for row in second]
    for name in first[0]:
        for a, b in zip(first, second, strict=True):
            if name == "top_edges":
                assert [(e["query"], e["key"]) for e in a[name]] == [(e["query"], e["key"]) for e in b[name]]
                assert [e["value"] for e in a[name]] == pytest.approx([e["value"] for e in b[name]], rel=1e-3)
            elif isinstance(a[name], float) or (isinstance(a[name], list) and isinstance(a[name][0], float)):
                x, y = np.atleast_1d(a[name]), np.atleast_1d(b[name])
                # A gap is a difference of numbers of order one.
                scale = 1 if name in ("completeness_gap", "output_change") else np.abs(x).max()
                assert np.abs(x - y).max() <= relative * scale, (name, a["example_id"])
            else:
                assert a[name] == b[name], name


def test_every_example_has_one_row_per_target_in_the_order_of_its_split(data_set, tmp_path):
    run = data_set()
    rows = run.into(tmp_path)
    expected = [("dev", f"e-{n}", target) for n in range(7) for target in ("gold", "predicted")]
    expected += [("importance", f"e-{n}", "gold") for n in range(3)]
    assert [(row["split"], row["example_id"], row["target"]) for row in rows] == expected
    assert len(run.jobs) > 3


@pytest.mark.slow
def test_two_processes_give_what_one_gives(data_set, tmp_path, monkeypatch):
    """To the bit, with one thread per process; more threads may add numbers in another order."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = data_set(labels=2)
        assert len(run.jobs) % 2 == 1, "choose lengths that give an odd number of jobs"
        one = run.into(tmp_path / "one")
    finally:
        torch.set_num_threads(threads)
    # Variables of a cluster in the shell are another program's.
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "x", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    # Another model object: what the first run left on its own must not matter.
    two = data_set(labels=2).into(tmp_path / "two", TWO)
    assert two == one
    for name in ("one", "two"):
        assert sorted((tmp_path / name).iterdir()) == sorted(run.files(tmp_path / name))


def test_more_processes_than_jobs(data_set, tmp_path, monkeypatch):
    run = data_set()
    started = []

    class NoTrainer:
        def __init__(self, **options):
            started.append((options["devices"], options["strategy"]))

        def predict(self, *_args, **_kwargs):
            pass

    monkeypatch.setattr("pytorch_lightning.Trainer", NoTrainer)
    for count in (1, 2, len(run.jobs)):
        run_jobs(
            run.attributor,
            run.jobs[:count],
            trainer=Trainer(accelerator="cpu", devices=4, strategy="ddp_spawn"),
            work=Unfinished(tmp_path, "key"),
            workers=0,
        )
    assert started == [(1, "auto"), (2, "ddp_spawn"), (4, "ddp_spawn")]


def test_only_jobs_without_a_file_are_run(data_set, tmp_path):
    run = data_set()
    rows = run.into(tmp_path)
    files = run.files(tmp_path)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    files[1].unlink()
    assert run.into(tmp_path) == rows
    for path in files:
        state = (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        assert state[2] == before[path][2]
        assert (state == before[path]) == (path != files[1])


def test_work_that_another_token_budget_cut_otherwise_is_not_taken_for_done(data_set, tmp_path):
    """`run.token_budget` cannot change a result, so it may change between a run that was cut off and the next."""
    run = data_set(token_budget=1)
    expected = [(row["split"], row["example_id"], row["target"]) for row in run.into(tmp_path)]
    for path in run.files(tmp_path)[3:]:
        path.unlink()
    rows = data_set(token_budget=200).into(tmp_path)
    assert [(row["split"], row["example_id"], row["target"]) for row in rows] == expected


def test_when_all_is_done_nothing_is_run(data_set, tmp_path, monkeypatch):
    run = data_set()
    rows = run.into(tmp_path)
    monkeypatch.setattr("pytorch_lightning.Trainer", lambda **_: pytest.fail("a trainer was made"))
    assert run.into(tmp_path) == rows


# 70 tokens hold the examples of 9 and 11 tokens together: three nodes of each, while 40 hold neither with another.
@pytest.mark.parametrize(
    ("path", "token_budget", "steps"),
    [
        ("layer", 1, 2),
        ("layer", 10_000, 2),
        ("layer", 70, 2),
        ("joint", 1, 2),
        ("layer", 1, "auto"),
        ("layer", 70, "auto"),
    ],
)
def test_the_rows_do_not_depend_on_the_token_budget(data_set, tmp_path, path, token_budget, steps):
    one = data_set(path=path, steps=steps)
    first = one.into(tmp_path / "a")
    run = data_set(path=path, steps=steps, token_budget=token_budget)
    assert_same_rows(first, run.into(tmp_path / "b"), 2e-5)
    assert {*run.names} != {*one.names}
    taken = {number for row in first for number in row["steps"]}
    assert taken == {2} if steps == 2 else len(taken) > 1, "choose a model whose layers need different numbers"


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        (2, {}),
        (3, {}),
        (2, {"output": "logit"}),
        (2, {"output": "log_probability"}),
        (2, {"path": "joint"}),
        (3, {"path": "joint", "output": "logit"}),
        (3, {"steps": "auto", "tolerance": 0.001, "max_steps": 8}),
    ],
)
def test_rows_are_what_attributing_each_example_for_its_target_gives(data_set, padded, tmp_path, labels, changes):
    run = data_set(labels, **changes)
    examples = {example.example_id: example for example in run.splits["dev"][0]}
    rows = run.into(tmp_path)
    differ = {row["example_id"] for row in rows if row["label"] != row["predicted"]}
    assert 0 < len(differ) < 7, "choose a model that is right on some examples and wrong on others"
    names = ("steps", "rule", "tolerance", "max_steps", "path", "output")
    chosen = {name: getattr(run.settings, name) for name in names}
    for row in rows:
        example = examples[row["example_id"]]
        inputs = padded(run.model, [example])
        with torch.no_grad():
            predicted = int(run.model(**inputs).logits.argmax())
        target = example.label if row["target"] == "gold" else predicted
        result = attribute(run.model, **inputs, target=torch.tensor([target]), **chosen)
        scores, n = result.attribution[0], len(example)
        assert (row["target_class"], row["label"], row["predicted"]) == (target, example.label, predicted)
        assert row["n"] == n

        def close(values, expected, scale=None):
            expected = torch.as_tensor(expected).flatten()
            scale = float(expected.abs().max()) if scale is None else scale
            assert torch.allclose(torch.tensor(values).flatten(), expected, rtol=0, atol=2e-5 * scale)

        largest = scores.flatten(2).amax(dim=2)
        close(row["attribution_max"], largest)
        sums = {"sum": scores, "positive": scores * (scores > 0), "absolute": abs(scores)}
        size = float(abs(scores).sum(dim=(2, 3)).max())
        for name, values in sums.items():
            close(row[f"attribution_{name}"], values.sum(dim=(2, 3)), size)
        assert row["steps"] == result.steps[0].tolist()
        assert row["unconverged"] == result.unconverged[0].tolist()
        close([row["output"]], result.output, 1)
        close(row["completeness_gap"], result.completeness_gap[0], 1)
        close(row["output_change"], result.output - result.baseline_output[0], 1)
        close(row["attention_max"], result.attention_probs[0].flatten(2).amax(dim=2))
        close(row["attention_confidence"], result.attention_probs[0].amax(dim=3).mean(dim=2))
        layer, head = divmod(int(largest.flatten().argmax()), 4)
        assert row["top_head"] == [layer, head]
        order = scores[layer, head].flatten().sort(descending=True).values[:4]
        close([edge["value"] for edge in row["top_edges"]], order, float(largest.max()))
        for edge in row["top_edges"]:
            close([edge["value"]], scores[layer, head, edge["query"], edge["key"]], float(largest.max()))
        if (row["split"], row["target"]) == ("dev", "predicted"):
            close(row["head_sum"], scores.sum(dim=1))
        else:
            assert row["head_sum"] is None
        full = (row["split"], row["target"]) == ("dev", "predicted") and row["example_id"] in ("e-0", "e-1")
        assert (row["full_attribution"] is not None) is (row["full_attention"] is not None) is full
        if full:
            close(row["full_attribution"], scores)
            close(row["full_attention"], result.attention_probs[0])


def test_two_class_rows_are_minus_each_other_where_the_prediction_is_wrong(data_set, tmp_path):
    rows = data_set(2).into(tmp_path)
    by_target = {(row["example_id"], row["target"]): row for row in rows if row["split"] == "dev"}
    seen = set()
    for n in range(7):
        gold, predicted = by_target[f"e-{n}", "gold"], by_target[f"e-{n}", "predicted"]
        wrong = gold["label"] != gold["predicted"]
        seen.add(wrong)
        sign = -1 if wrong else 1
        assert gold["output"] == pytest.approx(1 - predicted["output"] if wrong else predicted["output"])
        assert gold["output_change"] == pytest.approx([sign * v for v in predicted["output_change"]])
        assert gold["completeness_gap"] == pytest.approx([sign * v for v in predicted["completeness_gap"]])
        assert (gold["attribution_max"] == predicted["attribution_max"]) is not wrong
    assert seen == {True, False}


@pytest.mark.parametrize("family", ["roberta", "distilbert"])
def test_models_without_segments(tiny_model, random_examples, settings, tmp_path, family):
    run = Run(tiny_model(family), random_examples([6, 4]), settings())
    assert len(run.into(tmp_path)) == 6


def test_a_model_that_gives_no_finite_logits_is_refused_with_the_example(data_set, tmp_path):
    run = data_set()
    with torch.no_grad():
        run.model.bert.embeddings.word_embeddings.weight.fill_(torch.nan)
    with pytest.raises((InputError, AttributionError), match="e-6"):
        run.into(tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


# Merging and storing.


def test_merging_refuses_an_example_twice(tmp_path):
    row, work = {"split": "dev", "example_id": "a", "target": "gold"}, Unfinished(tmp_path, "key")
    for name in ("1", "2"):
        work.write(name, lambda file: file.write(parquet_of([row])))
    order = {("dev", "a"): 0}
    assert merge(work, ["1"], order) == [row]
    with pytest.raises(RuntimeError, match="twice"):
        merge(work, ["1", "2"], order)


def test_merging_refuses_a_set_with_an_example_missing(data_set, tmp_path):
    run = data_set()
    run.into(tmp_path)
    with pytest.raises(RuntimeError, match="not attributed"):
        merge(Unfinished(tmp_path, "key"), run.names[1:], run.order)


def test_a_damaged_file_is_set_aside_with_a_word_and_its_batch_is_attributed_again(data_set, tmp_path, caplog):
    run = data_set()
    rows = run.into(tmp_path)
    path = run.files(tmp_path)[1]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=rf"{path.name} was damaged while attribute ran: run the same command again"):
        run.merged(tmp_path)
    path.write_bytes(run.files(tmp_path)[0].read_bytes())  # of another batch
    caplog.clear()
    assert run.into(tmp_path) == rows
    assert caplog.messages[0] == (
        f"{path} is damaged, or of another run: it is now {path.name}.damaged, and its work is done again"
    )


def test_a_file_of_another_model_is_not_taken(data_set, tmp_path):
    run = data_set()
    other = Unfinished(tmp_path, "another model's")
    run_jobs(run.attributor, run.jobs, trainer=ONE, work=other, workers=0)
    assert not any(Unfinished(tmp_path, "key").has(name) for name in run.names)


def test_merging_does_not_depend_on_the_order_of_the_files(data_set, tmp_path):
    run = data_set()
    rows = run.into(tmp_path)
    names = run.names
    random.Random(0).shuffle(names)
    assert merge(Unfinished(tmp_path, "key"), names, run.order) == rows


def test_the_store_holds_the_rows(data_set, tmp_path):
    run = data_set()
    rows = run.into(tmp_path / "jobs")
    write_store(tmp_path / "store", rows, layers=2, heads=4)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [
        "full.safetensors",
        "heads.parquet",
        "maps.parquet",
        "outcomes.parquet",
    ]
    errors = pyarrow.parquet.read_table(tmp_path / "store" / "outcomes.parquet").to_pylist()
    assert errors == [{name: row[name] for name in errors[0]} for row in rows]
    assert {"n", "steps", "unconverged", "completeness_gap", "output_change"} < {*errors[0]}
    heads = read_heads(tmp_path / "store", split="dev", target="predicted")
    wanted = [row for row in rows if (row["split"], row["target"]) == ("dev", "predicted")]
    assert [row["example_id"] for row in heads] == [f"e-{n}" for n in range(7)]
    assert [row["top_edges"] for row in heads] == [row["top_edges"] for row in wanted]
    largest = per_head(heads, "attribution_max", layers=2, heads=4)
    assert largest.shape == (7, 2, 4)
    assert largest[3, 1, 2] == torch.tensor(wanted[3]["attribution_max"][1 * 4 + 2])
    maps = pyarrow.parquet.read_table(tmp_path / "store" / "maps.parquet").to_pylist()
    assert [(row["split"], row["target"]) for row in maps] == [("dev", "predicted")] * 7
    assert [len(row["head_sum"]) for row in maps] == [2 * n * n for n in LENGTHS]
    full = load_file(tmp_path / "store" / "full.safetensors")
    assert sorted(full) == [f"e-{n}.predicted.{name}" for n in (0, 1) for name in ("attention", "attribution")]
    assert full["e-1.predicted.attribution"].shape == (2, 4, 11, 11)
    assert full["e-1.predicted.attribution"].sum(dim=1).flatten().tolist() == pytest.approx(
        maps[1]["head_sum"], abs=1e-6
    )
    assert torch.allclose(full["e-0.predicted.attention"].sum(dim=3), torch.ones(2, 4, 6), atol=1e-5)


def test_the_store_is_byte_stable(data_set, tmp_path):
    for name in ("a", "b"):
        write_store(tmp_path / name, data_set().into(tmp_path / f"jobs-{name}"), layers=2, heads=4)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_estimates_that_stopped_short_are_counted():
    rows = [{"unconverged": flags} for flags in ([False, True], [True, True], [False, False])]
    assert unconverged(rows) == (3, 6)
    assert unconverged(rows[2:]) is None


# Which examples are attributed.


@pytest.fixture
def prepared(tmp_path, random_examples):
    for name, lengths in (
        ("train", [4, 15, 20, 14, 16, 18]),
        ("heldout", [9, 17]),
        ("dev", [5, 6]),
        ("importance", [7]),
    ):
        examples = [vars(e) | {"example_id": f"{name}-{e.example_id}"} for e in random_examples(lengths)]
        write_rows(tmp_path / f"{name}.parquet", examples)
    return tmp_path


def test_the_samples_of_a_task(prepared, settings):
    chosen = samples(prepared, "rte", settings())
    ids = {split: [e.example_id for e in examples] for split, (examples, _) in chosen.items()}
    assert ids == {
        "importance": ["importance-e-0"],
        "dev": ["dev-e-0", "dev-e-1"],
        "mine": ["train-e-0", "train-e-1", "train-e-2"],
    }
    assert {split: set(targets) for split, (_, targets) in chosen.items()} == {
        "importance": {"gold"},
        "dev": {"gold", "predicted"},
        "mine": {"predicted"},
    }


def test_short_sentences_are_left_out_where_the_task_says_so(prepared, settings):
    chosen = samples(prepared, "sst2", settings())
    assert [e.example_id for e in chosen["mine"][0]] == ["train-e-1", "train-e-2", "train-e-4"]
    assert len(chosen["dev"][0]) == 2


def test_maps_are_kept_for_the_predicted_class_of_dev_alone(prepared, settings):
    chosen = samples(prepared, "rte", settings(full_maps=1))
    keep = what_to_keep(chosen, settings(full_maps=1))
    assert keep["dev/predicted"] == Keep(4, True, frozenset({"dev-e-0"}))
    others = {name: value for name, value in keep.items() if name != "dev/predicted"}
    assert others == dict.fromkeys(("importance/gold", "dev/gold", "mine/predicted"), Keep(4, False, frozenset()))
