"""What tests of several folders share."""

import copy
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

GRAPH = """\
stages:
  prepare:
    cmd: python -m pipeline.prepare
    matrix: {task: "${tasks}"}
    params: [data, prepare, attribute]
  prune:
    cmd: python -m pipeline.prune
    matrix: {task: "${tasks}", seed: "${seeds}"}
    params: [preset, prune]
  report:
    cmd: python -m pipeline.reporting
    params: [preset, tasks, seeds, data, prune, report]
"""


# Of minutes: begun last, one of them would keep a process busy after all others have ended.
LONGEST = ("test_pipeline.py", "test_stopped_stages.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def mini_params() -> str:
    """The text of the default preset's params.yaml."""
    # Imported here: most tests need no Hydra.
    from pipeline.values.params import dump_params
    from pipeline.values.presets import compose_params

    return dump_params(compose_params(["preset=mini_full", "seeds=[1]"]), header="A test's.")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mini_params: str) -> Iterator[Path]:
    """A repository of its own: the working directory, with a dvc.yaml of three stages and the mini params.yaml."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / "params.yaml").write_text(mini_params)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ATTATTR_DATA", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    levels = {name: logging.getLogger(name).level for name in (None, "hydra", "hydra_plugins")}
    yield folder
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; the tests are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium to look at the page with (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


_preset: Any = None


def _section(name: str, **changes: Any) -> Any:
    """A section of the default preset's params.yaml, with changes."""
    global _preset
    from pipeline.values.presets import compose_params

    _preset = _preset or compose_params(["preset=mini_full", "seeds=[1]"])
    found = getattr(_preset, name)
    return type(found).model_validate_json(json.dumps(found.model_dump(mode="json") | changes))


@pytest.fixture(scope="session")
def section() -> Callable[..., Any]:
    """`section(name, **changes)`: a section of the default preset's params.yaml, with changes."""
    return _section


VOCABULARY = 60


def _tiny_model(
    family: str = "bert",
    *,
    labels: int = 3,
    layers: int = 2,
    seed: int = 0,
    dropout: float = 0.1,
    attention: str = "sdpa",
) -> Any:
    """A random classifier of hidden size 32 with 4 heads, in evaluation mode; no weight is at its neutral value."""
    import torch
    import transformers

    shared = {"vocab_size": VOCABULARY, "num_labels": labels}
    if family == "distilbert":
        sizes = {"dim": 32, "n_layers": layers, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 40}
        config = transformers.DistilBertConfig(**shared, **sizes, dropout=dropout, attention_dropout=dropout)
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": layers, "num_attention_heads": 4, "intermediate_size": 48}
        rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        own: dict[str, dict[str, int]] = {
            "bert": {"max_position_embeddings": 40, "type_vocab_size": 2},
            "roberta": {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": 1},
            "electra": {"max_position_embeddings": 40, "type_vocab_size": 2, "embedding_size": 16},
            # One set of weights for all layers.
            "albert": {"max_position_embeddings": 40, "type_vocab_size": 2, "embedding_size": 16},
            "camembert": {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": 1},
            "xlm-roberta": {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": 1},
            # The first layer attends everywhere, the second to a window.
            "modernbert": {"max_position_embeddings": 40, "local_attention": 8, "pad_token_id": 0},
        }
        if family == "modernbert":
            rates = {"attention_dropout": dropout, "mlp_dropout": dropout, "classifier_pooling": "cls"}
        config = transformers.AutoConfig.for_model(family, **shared, **sizes, **rates, **own[family])
    model = transformers.AutoModelForSequenceClassification.from_config(
        config, dtype=torch.float32, attn_implementation=attention
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("embeddings.weight"):
                parameter.copy_(noise)
            elif parameter.ndim == 2:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(float(name.lower().endswith("norm.weight")) + 0.2 * noise)
    return model.eval()


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Any]:
    """`tiny_model(family="bert", *, labels=3, layers=2, seed=0, dropout=0.1, attention="sdpa")`."""
    return _tiny_model


def _random_examples(lengths: Sequence[int], *, labels: int = 3, seed: int = 0) -> list[Any]:
    """Examples `e-0`, `e-1`, ... of the given lengths; from length 4 on the second half is a second segment.

    The first token and the last one of each segment are special.
    """
    import torch

    from attattr.examples import Example

    generator = torch.Generator().manual_seed(seed)
    examples = []
    for number, n in enumerate(lengths):
        ids = torch.randint(5, VOCABULARY, (n,), generator=generator).tolist()
        types = [int(n >= 4 and position >= n // 2) for position in range(n)]
        label = int(torch.randint(labels, (1,), generator=generator))
        segments = [[1, n // 2 - 1], [n // 2, n - 1]] if n >= 4 else [[min(1, n - 1), n - 1]]
        examples.append(Example(f"e-{number}", ids, types, label, segments))
    return examples


@pytest.fixture(scope="session")
def random_examples() -> Callable[..., list[Any]]:
    """`random_examples(lengths, *, labels=3, seed=0)`: a list of `Example`."""
    return _random_examples


def _padded(model: Any, examples: Sequence[Any], *, width: int | None = None) -> dict[str, Any]:
    """The model's input tensors for examples, padded on the right to the longest one or to `width`."""
    import torch

    width = width or max(len(example.input_ids) for example in examples)

    def rows(values: Sequence[list[int]], fill: int) -> Any:
        return torch.tensor([row + [fill] * (width - len(row)) for row in values])

    inputs = {
        "input_ids": rows([example.input_ids for example in examples], model.config.pad_token_id or 0),
        "attention_mask": rows([[1] * len(example.input_ids) for example in examples], 0),
    }
    if model.config.model_type in ("bert", "electra", "albert"):
        inputs["token_type_ids"] = rows([example.token_type_ids for example in examples], 0)
    return inputs


@pytest.fixture(scope="session")
def padded() -> Callable[..., dict[str, Any]]:
    """`padded(model, examples, *, width=None)`: keyword arguments of the model."""
    return _padded


def _with_attention(model: Any, inputs: dict[str, Any], given: dict[int, Any] | None = None) -> tuple[Any, list[Any]]:
    """Logits and every layer's attention probabilities `(batch, head, query, key)`, part of the logits' graph.

    In the layers that `given` names its probabilities are used instead of the model's own. This is the plain forward
    pass by which the tests judge the project's: softmax and product written out.
    """
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    given = given or {}
    probs: list[Any] = []

    def attention(
        module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float | None = None, **_: Any
    ) -> tuple[Any, Any]:
        scores = query @ key.transpose(-1, -2) * (scaling or query.shape[-1] ** -0.5)
        own = torch.softmax(scores if mask is None else scores + mask, dim=-1)
        probs.append(given.get(len(probs), own))
        return (probs[-1] @ value).transpose(1, 2), probs[-1]

    AttentionInterface.register("written_out", attention)
    AttentionMaskInterface.register("written_out", eager_mask)
    assert not model.training
    previous = model.config._attn_implementation
    model.set_attn_implementation("written_out")
    try:
        with torch.enable_grad():
            logits = model(**inputs).logits
    finally:
        model.set_attn_implementation(previous)
    assert len(probs) == model.config.num_hidden_layers
    return logits, probs


@pytest.fixture(scope="session")
def with_attention() -> Callable[..., tuple[Any, list[Any]]]:
    """`with_attention(model, inputs, given=None)`: logits and attention probabilities by a plain forward pass."""
    return _with_attention


def _without_heads(model: Any, keep: Any) -> Any:
    """A copy of the model whose output projections ignore the heads where `keep` `(layer, head)` is 0."""
    import torch

    model = copy.deepcopy(model)
    if model.config.model_type == "albert":
        # One layer applied again and again cannot lose different heads: give every application its own.
        groups = model.albert.encoder.albert_layer_groups
        groups.extend(copy.deepcopy(groups[0]) for _ in keep[1:])
        model.config.num_hidden_groups = len(keep)
    names = ("attention.output.dense", "attention.out_lin", "attention.dense", "attn.Wo")
    projections = [module for name, module in model.named_modules() if name.endswith(names)]
    assert len(projections) == len(keep)
    width = model.config.hidden_size // keep.shape[1]
    with torch.no_grad():
        for projection, row in zip(projections, keep.tolist(), strict=True):
            for head, value in enumerate(row):
                projection.weight[:, head * width : (head + 1) * width] *= value
    return model


@pytest.fixture(scope="session")
def without_heads() -> Callable[..., Any]:
    """`without_heads(model, keep)`: the model with heads removed from its weights."""
    return _without_heads
