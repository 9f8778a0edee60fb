"""How long a stage took, when and on what: a small file beside DVC's outputs, which a kept run tells of."""

import hashlib
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.values.config import StageConfig
from pipeline.values.paths import source_file, times_file
from pipeline.values.store import write_json

PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy")


def write_time(config: StageConfig) -> None:
    """Say of the stage, which has just finished in this process, what `docs/method.md`, "Replicates", lists.

    The seconds are those since the process was started. Of a stage that was stopped and went on they are those of its
    last part.
    """
    import psutil

    begun = psutil.Process().create_time()
    known = {
        "seconds": round(time.time() - begun, 1),
        "started": datetime.fromtimestamp(begun, UTC).date().isoformat(),
        "machine": machine(config.run.trainer.accelerator),
        "versions": versions(),
        "source": source_digest(config.output_root, config.stage),
    }
    write_json(times_file(config.output_root, config.stage, config.label), known)


def source_digest(root: Path, stage: str) -> str | None:
    """A digest of what the stage runs, as the stage `source` wrote it down; None where it has not."""
    path = source_file(root, stage)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None


def machine(accelerator: str) -> str:
    """The processor and the cores that this process may use, and the GPU where one is used; no name of the host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = f"{_processor()}, {cores} core{'s' if cores > 1 else ''}"
    if accelerator != "cpu" and "torch" in sys.modules and (cuda := sys.modules["torch"].cuda).is_available():
        named += f", {cuda.get_device_name()}"
    return named


def versions() -> dict[str, str]:
    """Of Python, and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The model of the processor, as the system names it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        names = [line for line in facts.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        if names:
            return " ".join(names[0].partition(":")[2].split())
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.machine()
