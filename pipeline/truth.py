"""Hold scores of edges against what is known of them.

See docs/method.md, "Knock-outs" and "Randomisation".

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/truth/<task>-<seed>/{outcomes,groups,pairs,randomised}.parquet
Run:    python -m pipeline.truth task=<task> seed=<seed>
"""

from pipeline.errors import InputError
from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Knock out every edge of a few examples, and shuffle the weights; compare with every method's scores."""
    from pipeline.experiments.truth import knock_outs, randomise
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_rows

    task, seed, settings = config.task, config.seed, config.truth
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    dev = read_examples(data_folder(config.input_root, task, seed) / "dev.parquet")
    short = subset([example for example in dev if len(example) <= settings.max_tokens], settings.n_examples)
    if not short:
        raise InputError(
            f"truth.max_tokens is {settings.max_tokens}, but no dev example of {task} is shorter than "
            f"{min(map(len, dev))} tokens"
        )
    folder = experiment_folder(config.output_root, "truth", task, seed)
    with resumable(config), track_job(config):
        known = {"seed": seed, "token_budget": config.run.token_budget}
        found = knock_outs.outcomes(model, short, settings=settings, **known)
        for name, rows in found._asdict().items():
            write_rows(folder / f"{name}.parquet", rows)
        write_rows(folder / "randomised.parquet", randomise.outcomes(model, short, **known))


if __name__ == "__main__":
    run_stage("truth", main)
