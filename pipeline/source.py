"""Write down what every other stage runs, file by file.

So a stage runs again where something that it runs says something else, and only there.

Reads:  attattr/, pipeline/, conf/, requirements.lock, requirements.model.lock
Writes: outputs/source/<stage>.txt: every file and package that the stage runs, with a digest of what it says
Run:    python -m pipeline.source
"""

from pipeline.launch.cli import run_plain_stage


def main() -> None:
    """Write the lines of every stage of dvc.yaml."""
    from pipeline.digests.stage import all_lines
    from pipeline.launch.environment import output_root
    from pipeline.values.paths import SOURCE, nothing_outside, source_file
    from pipeline.values.sums import write_sums

    root = output_root("source")
    nothing = nothing_outside(root)
    nothing.parent.mkdir(parents=True, exist_ok=True)
    # What `data.dep` and `model.dep` name where there is no folder to watch.
    nothing.write_text("Nothing outside of the repository.\n", encoding="utf-8")
    for stage, lines in all_lines(SOURCE).items():
        source_file(root, stage).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    write_sums(nothing.parent, owner="source")


if __name__ == "__main__":
    run_plain_stage("source", main)
