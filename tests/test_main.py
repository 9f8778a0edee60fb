"""`python -m pipeline`: everything that can be run, found in the files."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.__main__ import main
from pipeline.values.paths import SOURCE


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> str:
    main([])
    return capsys.readouterr().out


def names(listed: str, title: str) -> list[str]:
    (block,) = (block for block in listed.split("\n\n") if block.startswith(title))
    return [line.split()[0] for line in block.splitlines()[1:]]


def stems(pattern: str) -> list[str]:
    return sorted(path.stem for path in SOURCE.glob(pattern) if path.stem != "__init__")


def test_everything_that_is_there_is_listed(listed: str) -> None:
    assert names(listed, "Stages") == [*yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"]]
    assert names(listed, "Commands") == stems("pipeline/commands/*.py")
    assert names(listed, "Presets") == stems("conf/preset/*.yaml")
    assert names(listed, "Sweeps") == stems("conf/sweep/*.yaml")


def test_each_has_one_line_that_fits_a_terminal_and_says_what_it_is(listed: str) -> None:
    lines = listed.splitlines()
    assert max(map(len, lines)) < 80
    rows = [line for line in lines if line.startswith("  ")]
    assert len(rows) == sum(len(names(listed, title)) for title in ("Stages", "Commands", "Presets", "Sweeps"))
    columns = {line.index(line.split(maxsplit=1)[1]) for line in rows}
    assert len(columns) == 1
    assert all(line.endswith(".") for line in rows)


def test_its_help_is_the_same(listed: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    assert capsys.readouterr().out == listed


def test_the_exit_codes_are_told(listed: str) -> None:
    told = listed[listed.index("Exit codes") :]
    assert all(code in told for code in ("0 ", "1 ", "2 ", "130", "143"))


def test_what_is_not_there_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prun"])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: prun is not known here; python -m pipeline lists what can be run\n"


def test_it_imports_nothing_heavy_and_runs_anywhere(tmp_path: Path) -> None:
    heavy = {"hydra", "omegaconf", "pydantic", "numpy", "torch"}
    code = f"import runpy, sys; runpy.run_module('pipeline', run_name='__main__'); print(*({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
