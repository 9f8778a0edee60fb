"""Which processes are started, and with what: those of models with work, and no others."""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from run_by_hand import Start, ended, ran

from pipeline.commands import repro
from pipeline.commands.running import children
from pipeline.commands.running.plan import divide, plan

ROOT = Path(__file__).resolve().parents[3]
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.mark.usefixtures("workspace")
def test_the_stages_of_a_model_wait_for_no_other_model() -> None:
    for name in ("dvc.yaml", "conf/tasks.yaml", ".dvc/config"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n")
    found = plan(["negation-1", "inference-1"]).models
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    assert found.keys() == {"negation-1", "inference-1"}
    for model, names in found.items():
        assert {*names} == {
            f"{stage}@{model}"
            for stage in stages
            # `universality` reads the importance of all models, `planted_paths` has models of its own.
            if stage not in ("source", "universality", "planted_paths", "analyse")
            if stage not in ("examples", "figures", "tables", "report")
        }
        order = [name.partition("@")[0] for name in names]
        assert order[:2] == ["prepare", "finetune"]
        assert order.index("attribute") < min(map(order.index, ("effectiveness", "prune", "tree", "triggers")))


READS = {
    "source": (),
    "own": (),
    "one@a-1": ("source",),
    "one@b-1": ("source",),
    "two@a-1": ("one@a-1", "source"),
    "mean@a-1": ("one@a-1", "one@b-1", "source"),
    "paths@1": ("source",),
    "all": ("mean@a-1", "one@a-1", "one@b-1", "source"),
}


@pytest.mark.parametrize(
    ("changed", "shared", "models"),
    [
        ([], [], {}),
        (["source"], ["source"], None),
        (["own"], [], {}),
        (["one@b-1"], [], {"b-1": ["one@b-1"]}),
        (["one@a-1"], [], {"a-1": ["one@a-1", "two@a-1", "mean@a-1"]}),
        (["two@a-1", "mean@a-1"], [], {"a-1": ["two@a-1", "mean@a-1"]}),
        (["one@b-1", "mean@a-1"], [], {"b-1": ["one@b-1"]}),
        (["mean@a-1", "paths@1", "all"], [], {"a-1": ["mean@a-1"], "1": ["paths@1"]}),
    ],
)
def test_a_model_has_work_if_a_stage_of_it_has_changed_or_reads_one_that_has(
    changed: Sequence[str], shared: Sequence[str], models: dict[str, list[str]] | None
) -> None:
    found = divide(READS, changed, ["a-1", "b-1", "1"])
    assert found.shared == shared
    assert models is None or found.models == models


def test_a_process_is_started_for_work_alone(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    started: list[Sequence[str]] = []
    start = children._start

    def spy(arguments: Sequence[str], *rest: object) -> children.Process:
        started.append(arguments[3:])
        return start(arguments, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(children, "_start", spy)
    monkeypatch.delenv("MAKELEVEL", raising=False)
    repro.main(["2"])
    assert ran() == ["one-inference-1", "one-negation-1", "two-inference-1", "two-negation-1"]
    assert started[0] == ["source"]
    assert started[1:3] == [[f"{stage}@{model}-1" for stage in ("one", "two")] for model in ("negation", "inference")]
    assert started[3:] == [[]]
    said = capfd.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith("T1")]
    assert rows == [["T1", model, "open"] for model in ("inference-1", "negation-1")]
    assert said.endswith(f"\nReport: {toy}/outputs/report/index.html\n")
    assert UP_TO_DATE not in said

    started.clear()
    repro.main([])
    assert not started
    assert UP_TO_DATE in capfd.readouterr().out

    Path("outputs/two/negation-1").unlink()
    repro.main(["2"])
    assert started == [["two@negation-1"]]
    assert not ran()  # DVC has it in its cache
    assert Path("outputs/two/negation-1").is_file()


@pytest.mark.slow
def test_cores_are_those_that_the_process_may_use(start: Start) -> None:
    one = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])"
    for name in ("negation", "inference"):
        Path(f"ran-two-{name}-1").touch()
    code, _, said = ended(start("1", before=one))
    assert code == 0, said
    assert {path.name: path.read_text() for path in Path().glob("ran-one*")} == {
        "ran-one-negation-1": "1",
        "ran-one-inference-1": "1",
    }


@pytest.mark.parametrize(
    ("given", "cores", "variable", "expected"),
    [
        (None, 1, None, (1, "1")),
        (None, 8, None, (2, "4")),
        (3, 8, None, (3, "2")),
        (4, 2, None, (4, "1")),
        (1, 8, None, (1, "8")),
        (2, 8, "3", (2, "3")),
    ],
)
def test_models_share_the_cores(
    toy: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: int | None,
    cores: int,
    variable: str | None,
    expected: tuple[int, str],
) -> None:
    seen: list[tuple[int, str]] = []

    def run_dvc(jobs: object, *, at_once: int, variables: dict[str, str], **rest: object) -> list[tuple[str, int]]:
        if variables:
            seen.append((at_once, variables["OMP_NUM_THREADS"]))
        return []

    if variable is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    monkeypatch.setattr(children, "run_dvc", run_dvc)
    (toy / "outputs/tables").mkdir(parents=True)
    (toy / "outputs/tables/claims.csv").touch()
    repro.main([] if given is None else [str(given)])
    assert seen == [expected]


def test_a_stage_that_fails_is_its_models_and_the_others_go_on(start: Start) -> None:
    Path("outputs").mkdir()
    Path("outputs/two").write_text("in the way")
    Path("work.py").write_text(
        Path("work.py").read_text() + "if (stage, model) == ('one', 'inference-1'):\n    sys.exit(1)\n"
    )
    Path("outputs/two").unlink()
    code, _, said = ended(start("2"))
    assert (code, said.splitlines()[-1]) == (1, "error: stages of inference-1 failed")
    assert "two-negation-1" in ran()
    assert not Path("outputs/tables").exists()


def test_what_dvc_refuses_is_one_line(start: Start) -> None:
    Path("dvc.yaml").write_text("stages: [")
    code, out, said = ended(start())
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert said.startswith("error: ")
    assert "dvc.yaml" in said


def test_on_gpus_each_model_has_one_and_as_many_run_at_once(toy: Path, start: Start) -> None:
    """Of a stand-in for two GPUs, the second a part of one."""
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["run"]["trainer"]["accelerator"] = "auto"
    Path("params.yaml").write_text(yaml.dump(values))
    Path("wait-one").touch()
    process = start(before="from pipeline.launch import places\nplaces.gpus = lambda: ['4', 'MIG-a']")
    deadline = time.monotonic() + 60
    while len(found := {path.read_text() for path in toy.glob("gpu-one-*")} - {""}) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    Path("wait-one").unlink()
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 0, said
    assert found == {"4", "MIG-a"}
    for path in toy.glob("gpu-two-*"):
        assert path.read_text() == Path(str(path).replace("gpu-two", "gpu-one")).read_text()
    lines = Path("outputs/repro.log").read_text().splitlines()
    assert {line.rpartition("| ")[2] for line in lines if "| GPU " in line} == {"GPU 4", "GPU MIG-a"}
