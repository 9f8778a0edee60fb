"""Hydra as the stages use it: it composes their values, and shows what its flags ask for."""

import logging
import os
import sys
from collections.abc import Callable

import hydra
from omegaconf import DictConfig

from pipeline.launch.sweep import Sweep, single_runs
from pipeline.values.paths import PRESETS


def compose(task: Callable[[DictConfig], None]) -> None:
    """Hand `task` the values of the command line, or of each of its jobs."""
    # Without this Hydra prints exceptions itself and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    hydra.main(config_path=str(PRESETS), config_name="config", version_base="1.3")(task)()


def show(arguments: list[str], sweep: Sweep | None) -> None:
    """Let Hydra print what the flags ask for; of a multirun's jobs one after the other, as it knows none of them."""
    if any(argument.startswith("--info") for argument in arguments):  # which it prints by logging
        logging.getLogger().handlers.clear()  # it brings its own
        logging.getLogger("hydra").setLevel(logging.NOTSET)
    alone = single_runs(arguments, sweep) if sweep else {"": arguments}
    for name, line in alone.items():
        if name:
            sys.stdout.write(f"# {name}\n")
        sys.argv[1:] = line
        compose(lambda _: None)


def configure_logging(level: str) -> None:
    """Log from `level` on, to stderr, and nothing of Hydra's but warnings."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger().setLevel(level)
    # Their notes on every run are not the stage's; warnings still show.
    for library in ("hydra", "hydra_plugins"):
        logging.getLogger(library).setLevel(logging.WARNING)
