import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pipeline.attattr import attribute, masked_heads
from pipeline.data import planted_words as planted
from pipeline.data.tokenise import load_tokenizer
from pipeline.data.weights import load_model
from pipeline.values.inputs import Model

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

TINY = Model(
    source="scratch",
    dep="pipeline/data/planted.py",
    name=None,
    revision=None,
    layers=2,
    heads=3,
    hidden=24,
    intermediate=32,
    initializer_range=0.2,
    dropout=0.0,
)
# What the notebook's variables hold after its last cell.
REPORT = """
import json
print(json.dumps({
    "sentence": sentence, "steps": steps, "tokens": tokens, "label": label, "layer": layer, "head": head,
    "attribution": result.attribution[0].tolist(), "gap": gap.tolist(), "change": change.tolist(),
    "attention_map": attention_map.axes[0].images[0].get_array().tolist(),
    "attribution_map": attribution_map.axes[0].images[0].get_array().tolist(),
}))
"""


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook: NotebookNode, *, model: Path, home: Path) -> None:
    """Run it as Jupyter would, from its own folder; this checkout comes before any installed one."""
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT / "notebooks")}}
    )
    settings = {"ATTATTR_MODEL": str(model), "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(home / "ipython")}
    client.execute(env={**os.environ, **settings})


def printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer BERT for the task `negation`, with its tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = load_tokenizer(TINY, "negation", 2)
    tokenizer.save_pretrained(folder)
    load_model(
        TINY, "negation", ("negative", "positive"), seed=2, epochs=1, vocabulary=len(tokenizer), max_length=32
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The executed notebook, what it held, and the same attribution computed here."""
    notebook = read(ROOT / "notebooks" / "01_attribution.ipynb")
    notebook.cells.append(nbformat.v4.new_code_cell(REPORT))
    execute(notebook, model=model_folder, home=tmp_path_factory.mktemp("home"))
    *cells, last = code_cells(notebook)
    held = SimpleNamespace(**json.loads(printed(last)))
    model = AutoModelForSequenceClassification.from_pretrained(model_folder, dtype=torch.float32)
    batch = AutoTokenizer.from_pretrained(model_folder)([held.sentence], return_tensors="pt")
    direct = attribute(model, **batch, target="predicted", steps=held.steps)
    return SimpleNamespace(cells=cells, held=held, model=model, batch=batch, direct=direct)


def test_the_notebook_shows_what_a_direct_call_gives(run):
    assert torch.allclose(torch.tensor(run.held.attribution), run.direct.attribution[0], atol=1e-6)
    assert torch.allclose(torch.tensor(run.held.gap), run.direct.completeness_gap[0], atol=1e-6)
    assert run.held.label == run.model.config.id2label[int(run.direct.target)]


def test_both_maps_are_of_the_head_with_the_largest_score(run):
    scores, probs = run.direct.attribution[0], run.direct.attention_probs[0]
    assert float(scores[run.held.layer, run.held.head].max()) == pytest.approx(float(scores.max()), abs=1e-6)
    for name, maps in (("attribution_map", scores), ("attention_map", probs)):
        shown = torch.tensor(getattr(run.held, name))
        assert torch.allclose(shown, maps[run.held.layer, run.held.head], atol=1e-6)
    pages = [output.data["text/html"] for cell in run.cells for output in cell.outputs if "data" in output]
    assert sum(page.count("data:image/png;base64,iVBORw0KGgo") for page in pages) == 2


@torch.no_grad()
def test_the_printed_gap_is_the_error_against_the_model_itself(run):
    """Removing all heads of a layer sets its attention to zero: the model's own forward pass gives the truth."""
    line = r"layer (\d+): scores sum to (\S+), change (\S+), gap (\S+)"
    rows = [row for cell in run.cells for row in re.findall(line, printed(cell))]
    assert [int(number) for number, *_ in rows] == [1, 2]
    target = int(run.direct.target)
    unchanged = run.model(**run.batch).logits.softmax(dim=-1)[0, target]
    for layer, (_, total, change, gap) in enumerate(rows):
        mask = torch.ones(TINY.layers, TINY.heads)
        mask[layer] = 0
        with masked_heads(run.model, mask):
            without = run.model(**run.batch).logits.softmax(dim=-1)[0, target]
        assert abs(float(unchanged - without)) > 1e-4, "the test's model must depend on its attention"
        assert float(change) == pytest.approx(float(unchanged - without), abs=2e-6)
        assert float(total) == pytest.approx(float(run.direct.attribution[0, layer].sum()), abs=2e-6)
        assert float(gap) == pytest.approx(float(total) - float(change), abs=2e-6)


def test_the_sentence_is_one_of_the_task_and_its_text_is_true(run):
    words = run.held.sentence.split()
    assert run.held.tokens == ["[CLS]", *words, "[SEP]"]
    template = next(t for t in planted.SENTENCES if len(t.split()) == len(words) and fills(t, words))
    governing, verdict = (words[template.split().index(slot)] for slot in ("{governing}", "{verdict}"))
    assert governing in planted.NEGATORS
    assert verdict in planted.PRAISE


def fills(template: str, words: list[str]) -> bool:
    return all(slot == word or slot.startswith("{") for slot, word in zip(template.split(), words, strict=True))


def test_a_missing_model_is_named_with_the_remedy(tmp_path):
    notebook = read(ROOT / "notebooks" / "01_attribution.ipynb")
    notebook.cells = code_cells(notebook)[:1]
    with pytest.raises(CellExecutionError, match=r"nowhere holds no model: run `make repro`"):
        execute(notebook, model=tmp_path / "nowhere", home=tmp_path)


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_committed_notebooks_hold_no_outputs(path):
    for cell in code_cells(read(path)):
        assert not cell.outputs
        assert cell.execution_count is None
