"""Fine-tuning in this process: what is learned from, at which rate, and which weights are kept."""

import copy
from contextlib import nullcontext

import pytest
import torch

from pipeline.launch.unfinished import Unfinished
from pipeline.predicting.predict import predict_logits
from pipeline.training.classifier import Classifier, fine_tune, fit

CPU = torch.device("cpu")


@pytest.fixture
def settings(section):
    def make(**changes):
        return section("finetune", **{"lr": 1e-2, "batch_size": 8, "warmup": 0.25, "weight_decay": 0.1, **changes})

    return make


class Recorder(Classifier):
    """Notes, per step, the ids and the learning rate, and per epoch the weights and the dev accuracy."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ids, self.rates, self.draws, self.measured, self.stop_at = [], [], [], [], None

    def training_step(self, batch):
        if self.global_step == self.stop_at:
            raise KeyError("cut off")
        self.ids.append((self.current_epoch, batch.example_ids))
        self.draws.append(torch.initial_seed())
        self.rates.append([group["lr"] for group in self.optimizers().param_groups])
        return super().training_step(batch)

    def on_train_epoch_end(self):
        super().on_train_epoch_end()
        weights = copy.deepcopy(self.model.state_dict())
        self.measured.append((float(self.trainer.callback_metrics["dev_accuracy"]), weights))


@pytest.fixture
def train(tiny_model, random_examples, tmp_path, settings):
    """`train(**settings)`: a recorded run over 30 examples; the label is whether the second token is high."""
    examples = random_examples([6, 9, 4] * 10, labels=2, seed=3)
    for example in examples:
        object.__setattr__(example, "label", int(example.input_ids[1] >= 32))

    def run(*, model=None, folder="checkpoints", key="key", stop_at=None, seed=7, epochs=2, **changes):
        classifier = Recorder(
            model or tiny_model(labels=2, seed=5),
            examples,
            examples[:11],
            settings=settings(**changes),
            epochs=epochs,
            seed=seed,
            workers=0,
        )
        classifier.stop_at = stop_at
        with nullcontext() if stop_at is None else pytest.raises(KeyError, match="cut off"):
            fit(classifier, device=CPU, checkpoints=Unfinished(tmp_path / folder, key), logger=None)
        return classifier

    return run


def test_each_example_is_learned_from_once_per_epoch(train):
    run = train()
    for epoch in (0, 1):
        ids = [name for number, batch in run.ids if number == epoch for name in batch]
        assert sorted(ids) == sorted(f"e-{number}" for number in range(30))
    first, second = ([batch for number, batch in run.ids if number == epoch] for epoch in (0, 1))
    assert len(first) == len(second) == 4
    assert first != second


def test_the_rate_rises_linearly_and_falls_to_zero(train):
    rates = train().rates
    # 8 steps, of which a quarter warm up: 0 and 1/2 of the way up, then 6/6 ... 1/6 of the way down.
    expected = [0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert rates == [pytest.approx([1e-2 * share] * 2) for share in expected]


def test_decay_spares_biases_and_norms(tiny_model, settings):
    classifier = Classifier(tiny_model(), [], [], settings=settings(), epochs=2, seed=0, workers=0)
    # Only the number of steps is asked of the trainer.
    classifier._trainer = type("T", (), {"estimated_stepping_batches": 10, "_accelerator_connector": None})()
    groups = classifier.configure_optimizers()["optimizer"].param_groups
    names = {id(parameter): name for name, parameter in classifier.model.named_parameters()}
    decayed, plain = ([names[id(p)] for p in group["params"]] for group in groups)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert sorted(decayed + plain) == sorted(names.values())
    assert all(name.endswith("bias") or "LayerNorm" in name for name in plain)
    assert not any(name.endswith("bias") or "LayerNorm" in name for name in decayed)


def test_dropout_is_on_although_models_arrive_in_evaluation_mode(train, tiny_model):
    weights = [train(folder=str(rate), model=tiny_model(labels=2, seed=5, dropout=rate)).model for rate in (0.0, 0.2)]
    assert not same(*weights)
    assert not same(*weights[:1], tiny_model(labels=2, seed=5))


def test_dropout_is_drawn_anew_in_every_step_from_the_seed(train):
    first, again, other = train(folder="a").draws, train(folder="b").draws, train(folder="c", seed=8).draws
    assert len(first) == 8
    assert first == again
    assert len({*first, *other}) == 16


def test_it_learns(train):
    run = train(epochs=12, lr=2e-3)
    logits = predict_logits(run.model, run.train_examples)
    labels = torch.tensor([example.label for example in run.train_examples])
    majority = max(labels.float().mean().item(), 1 - labels.float().mean().item())
    assert float((logits.argmax(dim=1) == labels).float().mean()) > majority + 0.1


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_weights_depend_on_the_seed_and_not_on_what_ran_before(train):
    first = train(folder="a")
    torch.manual_seed(1234)
    assert same(first.model, train(folder="b").model)
    assert not same(first.model, train(folder="c", seed=8).model)


@pytest.mark.parametrize("select", ["last", "best"])
def test_a_fine_tuned_model_has_the_weights_of_its_training_and_is_in_evaluation_mode(
    train, tiny_model, tmp_path, settings, select
):
    run, model = train(select=select), tiny_model(labels=2, seed=5)
    how = {"settings": settings(select=select), "epochs": 2, "seed": 7, "device": CPU, "workers": 0}
    fine_tune(model, run.train_examples, run.dev_examples, **how, checkpoints=Unfinished(tmp_path / "other", "key"))
    assert same(run.model, model)
    assert not model.training
    assert model.device == CPU


@pytest.mark.parametrize("select", ["last", "best"])
def test_the_weights_kept_are_those_of_the_last_or_of_the_best_epoch(train, select):
    run = train(select=select, epochs=5, lr=3e-2)
    accuracies = [accuracy for accuracy, _ in run.measured]
    if select == "best":
        best = max(range(5), key=lambda epoch: accuracies[epoch])
        assert best != 4, "choose other settings: the last epoch is the best, which tests nothing"
        expected = run.measured[best][1]
    else:
        expected = run.measured[-1][1]
    state = run.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in expected.items())


def test_dev_accuracy_is_that_of_predict(train):
    run = train()
    dev = run.dev_examples
    hits = predict_logits(run.model, dev).argmax(dim=1) == torch.tensor([example.label for example in dev])
    assert run.measured[-1][0] == pytest.approx(float(hits.float().mean()))


@pytest.mark.parametrize("select", ["last", "best"])
def test_a_run_that_was_cut_off_after_its_last_epoch_is_not_trained_again(train, tiny_model, select):
    first = train(select=select, epochs=3, lr=3e-2)
    second = train(select=select, epochs=3, lr=3e-2, model=tiny_model(labels=2, seed=11))
    assert second.ids == []
    assert same(first.model, second.model)


@pytest.mark.parametrize("select", ["last", "best"])
def test_a_run_that_is_cut_off_goes_on_from_its_last_whole_epoch(train, tiny_model, select):
    chosen = {"select": select, "epochs": 5, "lr": 3e-2}
    whole = train(folder="whole", **chosen)
    # Epochs have 4 steps: this stops in the middle of the fourth.
    cut = train(folder="cut", stop_at=14, **chosen)
    assert [epoch for epoch, _ in cut.ids][-1] == 3
    resumed = train(folder="cut", model=tiny_model(labels=2, seed=11), **chosen)
    assert resumed.ids == whole.ids[12:]
    assert same(whole.model, resumed.model)


@pytest.mark.parametrize("select", ["last", "best"])
def test_a_checkpoint_holds_tensors_and_plain_values(train, tmp_path, select):
    train(select=select, epochs=3)
    for path in (tmp_path / "checkpoints").iterdir():
        assert {"state_dict", "optimizer_states"} <= torch.load(path, weights_only=True).keys()


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path):
    path.write_bytes(b"")


def a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def unsealed(path):
    """As a program that knows nothing of seals writes it."""
    torch.save(torch.load(path, weights_only=True), path)


@pytest.mark.parametrize("damage", [cut, empty, a_bit, unsealed])
@pytest.mark.parametrize("name", ["last", "best"])
def test_a_damaged_checkpoint_is_set_aside_with_a_word_and_the_training_starts_anew(
    train, tmp_path, caplog, damage, name
):
    expected = train(select="best", epochs=2).model
    path = tmp_path / "checkpoints" / f"{name}.ckpt"
    damage(path)
    damaged = path.read_bytes()
    again = train(select="best", epochs=2)
    assert same(again.model, expected)
    assert {epoch for epoch, _ in again.ids} == {0, 1}
    assert caplog.messages == [
        f"{path} is damaged, or of another run: it is now {name}.ckpt.damaged, and its work is done again"
    ]
    assert path.with_name(f"{name}.ckpt.damaged").read_bytes() == damaged


def test_a_checkpoint_of_another_training_is_not_taken(train, tmp_path, caplog):
    train(epochs=2, key="one")
    again = train(epochs=2, key="other")
    assert {epoch for epoch, _ in again.ids} == {0, 1}
    assert len(caplog.messages) == 1


def test_variables_of_a_cluster_in_the_shell_change_nothing(train, monkeypatch):
    expected = train(folder="a").model
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "x", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    assert same(expected, train(folder="b").model)
