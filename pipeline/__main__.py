"""List what there is: stages, commands, presets and sweeps.

python -m pipeline
"""

import sys
from pathlib import Path

from pipeline.terminal.errors import exit_on_bad_input
from pipeline.terminal.listing import modules, presets, stages, summary, table
from pipeline.values.paths import PRESETS, SOURCE

END = """
Each stage and command has --help.
Exit codes: 0 done; 1 failed, or a check found differences; 2 bad input, which
one line names before any work. 130 and 143: stopped by Ctrl-C or by SIGTERM;
the same command again goes on.
"""


def main(arguments: list[str]) -> None:
    """Print the list; nothing but `--help`, which asks for the same, can be given."""
    if unknown := [argument for argument in arguments if argument not in ("-h", "--help")]:
        sys.stderr.write(f"error: {unknown[0]} is not known here; python -m pipeline lists what can be run\n")
        sys.exit(2)
    with exit_on_bad_input():
        sys.stdout.write(overview(SOURCE, PRESETS))


def overview(source: Path, conf: Path) -> str:
    """The list of what is in the folder of `pipeline/`, and in that of the presets."""
    found = {
        "Stages, in order: python -m pipeline.STAGE [task=TASK] [seed=SEED] ...": {
            name: summary(source / "pipeline" / f"{name}.py") for name in stages(source)
        },
        "Commands: python -m pipeline.commands.COMMAND ...": modules(source / "pipeline" / "commands"),
        "Presets: python -m pipeline.commands.compose preset=PRESET": presets(conf / "preset"),
        "Sweeps: python -m pipeline.STAGE -m sweep=SWEEP": presets(conf / "sweep"),
    }
    width = max(len(name) for rows in found.values() for name in rows)
    blocks = [f"{title}\n{table(rows.items(), width=width)}" for title, rows in found.items()]
    return "\n".join(blocks) + END


if __name__ == "__main__":
    main(sys.argv[1:])
