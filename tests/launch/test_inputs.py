"""Stages started by hand: what they lack is named with what makes it, and what another left is found."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.values.config import StageConfig
from pipeline.values.params import dump_params
from pipeline.values.paths import SOURCE, data_folder, model_folder
from pipeline.values.presets import compose_params
from pipeline.values.store import read_rows, write_json

GRAPH = yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]
ITEM = {"task": "negation", "seed": "1"}
Run = Callable[..., int]


@pytest.fixture
def graph(workspace: Path) -> Path:
    """The repository's own graph, and nothing that it makes."""
    shutil.copy(SOURCE / "dvc.yaml", workspace)
    return workspace


def matrix(stage: str) -> list[str]:
    return [f"{key}={ITEM[key]}" for key in GRAPH[stage].get("matrix", {})]


def make(*paths: str) -> None:
    for path in paths:
        Path(path).mkdir(parents=True)
        Path(path, "file").write_text(path)


def reads(seen: list[str], folder: Callable[..., Path] = data_folder) -> Callable[[StageConfig], None]:
    """A stage that reads what `prepare`, or another, wrote."""
    return lambda config: seen.append((folder(config.input_root, config.task, config.seed) / "file").read_text())


# Of the first thing that is missing: what makes it.
FIRST = {
    "finetune": "prepare@negation-1",
    "attribute": "prepare@negation-1",
    "effectiveness": "prepare@negation-1",
    "prune": "prepare@negation-1",
    "universality": "prepare@negation-1",
    "tree": "prepare@negation-1",
    "view": "prepare@negation-1",
    "triggers": "prepare@negation-1",
    "convergence": "prepare@negation-1",
    "truth": "prepare@negation-1",
    "shortcut": "prepare@negation-1",
    "analyse": "prepare@negation-1",
    "examples": "prepare@negation-1",
    "figures": "analyse",
    "tables": "analyse",
    "report": "analyse",
}
WITHOUT = {"source", "prepare", "planted_paths"}


def test_every_stage_is_tried() -> None:
    assert FIRST.keys() | WITHOUT == GRAPH.keys()


@pytest.mark.usefixtures("graph")
@pytest.mark.parametrize("stage", FIRST)
def test_without_its_inputs_a_stage_ends_with_one_line_that_says_what_makes_them(
    run: Run, capfd: pytest.CaptureFixture[str], stage: str
) -> None:
    assert run(stage, *matrix(stage), main=lambda _: pytest.fail("it began")) == 2
    made = next(out for out in GRAPH[FIRST[stage].partition("@")[0]]["outs"]).replace("${item.task}", "negation")
    path = made.replace("${item.seed}", "1")
    assert capfd.readouterr().err == f"error: {path} is missing; run: dvc repro {FIRST[stage]}\n"
    assert {path.name for path in Path().iterdir()} == {"dvc.yaml", "params.yaml"}


@pytest.mark.usefixtures("graph")
@pytest.mark.parametrize(("stage", "arguments"), [("prepare", matrix("prepare")), ("planted_paths", ["seed=1"])])
def test_a_stage_that_reads_nothing_needs_nothing(run: Run, stage: str, arguments: list[str]) -> None:
    seen: list[Path] = []
    assert run(stage, *arguments, main=lambda config: seen.append(config.input_root)) == 0
    assert seen == [Path()]


@pytest.mark.usefixtures("graph")
def test_what_lies_outside_is_linked_by_check(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").write_text(dump_params(compose_params(["preset=minilm", "tasks=[sst2]"]), header=""))
    assert run("prepare", "task=sst2", "seed=1", main=lambda _: None) == 2
    assert capfd.readouterr().err.startswith(
        "error: external/glue is missing; run: python -m pipeline.commands.check (it links the folder of ATTATTR_DATA"
    )


@pytest.mark.usefixtures("graph")
def test_an_input_that_is_not_what_its_stage_wrote_is_refused(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    def write(config: StageConfig) -> None:
        make(str(data_folder(config.output_root, config.task, config.seed)))

    seen: list[str] = []
    assert run("prepare", *matrix("prepare"), main=write) == 0
    made = Path("scratch/prepare/negation-1/outputs/data/negation-1")
    assert sorted(path.name for path in made.iterdir()) == ["SHA256SUMS", "file"]
    whole = (made / "file").read_bytes()
    (made / "file").write_bytes(whole.replace(b"data", b"dada"))
    capfd.readouterr()
    assert run("finetune", *matrix("finetune"), main=reads(seen)) == 2
    assert capfd.readouterr().err == (
        f"error: {made}/file is damaged: it is not what was written (SHA-256 differs): "
        f"delete {made} and run: dvc repro prepare@negation-1\n"
    )
    # Another model's, in its place.
    (made / "file").write_bytes(whole)
    assert run("prepare", "task=inference", "seed=1", main=write) == 0
    shutil.rmtree(made)
    shutil.copytree("scratch/prepare/inference-1/outputs/data/inference-1", made)
    capfd.readouterr()
    assert run("finetune", *matrix("finetune"), main=reads(seen)) == 2
    assert capfd.readouterr().err.startswith(
        f"error: {made} is of prepare@inference-1, not of prepare@negation-1: delete"
    )
    assert seen == []


@pytest.mark.usefixtures("graph")
def test_a_run_by_hand_finds_what_another_left_unless_dvc_has_made_it(
    run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(config: StageConfig) -> None:
        make(str(data_folder(config.output_root, config.task, config.seed)))

    seen: list[str] = []
    ours = "scratch/prepare/negation-1/outputs/data/negation-1"
    assert run("prepare", *matrix("prepare"), main=write) == 0
    assert caplog.messages == ["by hand: what prepare writes goes to scratch/prepare/negation-1"]
    caplog.clear()
    assert run("finetune", *matrix("finetune"), main=reads(seen)) == 0
    assert caplog.messages[0] == f"there is no outputs/data/negation-1: reading {ours}"
    # A sweep, too, each job of which is a process otherwise.
    arguments = ("-m", "launcher=serial", *matrix("finetune"), "finetune.lr=0.1,0.2")
    assert run("finetune", *arguments, main=reads(seen)) == 0
    assert seen == [ours] * 3
    # One input of each kind.
    make("outputs/data/negation-1", "scratch/finetune/negation-1/outputs/models/negation-1")
    caplog.clear()
    assert run("convergence", *matrix("convergence"), main=reads(seen)) == 0
    assert run("convergence", *matrix("convergence"), main=reads(seen, model_folder)) == 0
    model = "scratch/finetune/negation-1/outputs/models/negation-1"
    assert seen[3:] == ["outputs/data/negation-1", model]
    assert [line for line in caplog.messages if "reading" in line] == 2 * [
        f"reading outputs/data/negation-1, as DVC made it, and not {ours}",
        f"there is no outputs/models/negation-1: reading {model}",
    ]
    # DVC's run takes nothing from there.
    monkeypatch.setenv("DVC_STAGE", "convergence@negation-1")
    assert run("convergence", *matrix("convergence"), main=reads(seen)) == 2


@pytest.mark.usefixtures("graph")
def test_a_file_that_is_missing_in_what_is_there_is_named_too(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    for root in ("scratch/prepare/negation-1", "."):
        make(f"{root}/outputs/data/negation-1")

        def read(config: StageConfig) -> None:
            read_rows(data_folder(config.input_root, config.task, config.seed) / "train.parquet")

        assert run("finetune", *matrix("finetune"), main=read) == 2
        said = capfd.readouterr().err.splitlines()[-1]
        assert said.startswith("error: outputs/data/negation-1 is not whole ([Errno 2] Failed to open local file ")
        assert said.endswith("; run: dvc repro prepare@negation-1")


@pytest.mark.usefixtures("graph")
def test_a_file_of_its_own_that_is_missing_keeps_its_traceback(run: Run) -> None:
    make("outputs/data/negation-1")
    with pytest.raises(FileNotFoundError):
        run("finetune", *matrix("finetune"), main=lambda _: Path("lost").read_text())


@pytest.mark.usefixtures("graph")
def test_a_stage_over_all_models_needs_all_and_one_of_a_single_model_those_it_reads(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    make("outputs/data/negation-1", "outputs/models/negation-1", "outputs/prune/negation-1")
    assert run("universality", *matrix("universality"), main=lambda _: None) == 0
    capfd.readouterr()
    assert run("analyse", main=lambda _: None) == 2
    assert capfd.readouterr().err == "error: outputs/data/inference-1 is missing; run: dvc repro prepare@inference-1\n"


@pytest.mark.usefixtures("graph")
def test_an_empty_folder_is_missing(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    Path("outputs/data/negation-1").mkdir(parents=True)
    assert run("finetune", *matrix("finetune"), main=lambda _: None) == 2
    assert "outputs/data/negation-1 is missing" in capfd.readouterr().err
    write_json(Path("outputs/data/negation-1/prepare.json"), {})
    assert run("finetune", *matrix("finetune"), main=lambda _: None) == 0
