"""Compute the attribution scores of one fine-tuned model.

Batch by batch, over any number of processes.

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/attributions/<task>-<seed>/{outcomes,heads,maps}.parquet, full.safetensors
Run:    python -m pipeline.attribute task=<task> seed=<seed>
"""

import logging

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, model_folder

log = logging.getLogger(__name__)


def main(config: StageConfig) -> None:
    """Cut the samples into jobs, run those that are missing, merge their files."""
    import torch

    from attattr.batching import resolve_token_budget
    from attattr.families import check_family
    from pipeline.launch.group import group_of
    from pipeline.launch.work import unfinished, work_of
    from pipeline.predicting.device import device_for
    from pipeline.predicting.load import load_finetuned
    from pipeline.scoring.collect import merge, unconverged, write_store
    from pipeline.scoring.jobs import Attributor, job_name, make_jobs, run_jobs
    from pipeline.scoring.samples import samples, what_to_keep
    from pipeline.tracking.jobs import track_job

    task, seed, settings = config.task, config.seed, config.attribute
    data, weights = data_folder(config.input_root, task, seed), model_folder(config.input_root, task, seed)
    device = device_for(config.run.trainer)
    # Lightning moves it, in its processes.
    model = load_finetuned(weights, torch.device("cpu"))
    check_family(model)
    chosen = samples(data, task, settings)
    longest = max(len(example) for examples, _ in chosen.values() for example in examples)
    budget = resolve_token_budget(config.run.token_budget, model, n=longest, device=device)
    jobs = make_jobs(chosen, settings=settings, token_budget=budget)
    log.info("%s: %d examples in %d batches", config.label, sum(len(e) for e, _ in chosen.values()), len(jobs))
    attributor = Attributor(model, settings=settings, token_budget=budget, keep=what_to_keep(chosen, settings))
    group = group_of(config)
    how = {"trainer": config.run.trainer, "group": group, "workers": config.run.workers}
    if not group.leads:
        run_jobs(attributor, jobs, work=work_of(config), **how)
        return
    with unfinished(config) as work, track_job(config):
        run_jobs(attributor, jobs, work=work, **how)
        places = ((split, e.example_id) for split, (examples, _) in chosen.items() for e in examples)
        order = {place: number for number, place in enumerate(places)}
        rows = merge(work, [job_name(job) for job in jobs], order)
        shape = {"layers": model.config.num_hidden_layers, "heads": model.config.num_attention_heads}
        write_store(attributions_folder(config.output_root, task, seed), rows, **shape)
        if short := unconverged(rows):
            log.warning("%s: %d of %d estimates stopped short of their tolerance", config.label, *short)


if __name__ == "__main__":
    run_stage("attribute", main)
