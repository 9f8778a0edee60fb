"""The attribution of a data set as Lightning predictions: one job per batch, one file per job."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import BasePredictionWriter
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from attattr.attribution import Attribution, attribute
from attattr.errors import NonFiniteError
from attattr.examples import Batch, Example, batch_of, model_inputs
from attattr.quadrature import schedule
from pipeline.errors import InputError
from pipeline.launch.group import ALONE, Group
from pipeline.predicting.device import device_for
from pipeline.predicting.examples import length_batches
from pipeline.predicting.predict import not_finite
from pipeline.scoring.records import Keep, example_record
from pipeline.scoring.shares import balanced, environment_of, tell_balance
from pipeline.terminal.trainer import Progress
from pipeline.values.store import parquet_of

if TYPE_CHECKING:
    from pipeline.launch.unfinished import Unfinished
    from pipeline.values.schema import Attribute
    from pipeline.values.schema import Trainer as TrainerSettings

log = logging.getLogger(__name__)

GOES_ON = "the same command again goes on from here"

Target = Literal["gold", "predicted"]


@dataclass(frozen=True)
class Job:
    """One batch of one split."""

    split: str
    targets: tuple[Target, ...]
    examples: list[Example]


def make_jobs(
    splits: dict[str, tuple[Sequence[Example], tuple[Target, ...]]], *, settings: Attribute, token_budget: int
) -> list[Job]:
    """Cut every split into batches of bounded size; the same batches for any number of processes."""
    copies = schedule(settings.rule, settings.steps, max_steps=settings.max_steps).counts[0]
    jobs: list[Job] = []
    for split, (examples, targets) in splits.items():
        batches = length_batches(examples, token_budget=token_budget, copies=copies)
        jobs += [Job(split, targets, batch) for batch in batches]
    return jobs


class Attributor(pl.LightningModule):
    """Attributes a job's examples; gradients are taken with respect to activations only."""

    # Lightning refuses a process without a batch otherwise.
    allow_zero_length_dataloader_with_multiple_devices = True

    def __init__(
        self, model: PreTrainedModel, *, settings: Attribute, token_budget: int, keep: dict[str, Keep]
    ) -> None:
        super().__init__()
        self.model, self.settings, self.token_budget, self.keep = model, settings, token_budget, keep
        self.left: Callable[[], list[Job]] = list
        self.workers = 0

    def predict_dataloader(self) -> Any:
        """The share of this process in the jobs that are left, of which the first process says which they are."""
        left = self.trainer.strategy.broadcast(self.left() if self.trainer.is_global_zero else list[Job]())
        shares = balanced([cost(job) for job in left], self.trainer.world_size)
        if self.trainer.is_global_zero and len(shares) > 1:
            tell_balance(shares, [cost(job) for job in left])
        own = [left[number] for number in shares[self.trainer.global_rank]]
        return DataLoader(own, batch_size=None, collate_fn=_same, num_workers=self.workers)  # type: ignore[arg-type]

    def teardown(self, stage: str) -> None:
        """Let every process wait until all have written their files."""
        try:
            self.trainer.strategy.barrier()
        except RuntimeError:  # of gloo or NCCL, about a connection
            raise InputError(f"another process of attribution has ended before its work was done; {GOES_ON}") from None

    def transfer_batch_to_device(self, batch: Job, device: torch.device, dataloader_idx: int) -> Job:
        """A job is moved when it is collated."""
        return batch

    def on_predict_start(self) -> None:
        """Let a process among several end at SIGTERM and SIGINT, as its parent does.

        Lightning's handler waits for the other processes, and these for the end of the work.
        """
        if self.trainer.world_size > 1:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)

    def predict_step(self, job: Job) -> list[dict[str, Any]]:
        """The job's rows, one per example and target."""
        batch = batch_of(self.model, job.examples)
        if job.targets == ("gold",):
            result = self._attribute(batch, batch.labels)
            return self._rows(job, result, batch.labels, "gold")
        result = self._attribute(batch, "predicted")
        rows = self._rows(job, result, result.target, "predicted")
        if "gold" in job.targets:
            # Of two class probabilities one is minus the other's change, so one run serves both targets.
            two_classes = result.logits.shape[1] == 2 and self.settings.output == "probability"
            if not two_classes and bool((result.target != batch.labels).any()):
                result = self._attribute(batch, batch.labels)
            rows += self._rows(job, result, batch.labels, "gold")
        return rows

    def _attribute(self, batch: Batch, target: Tensor | Literal["predicted"]) -> Attribution:
        try:
            return attribute(
                self.model,
                **model_inputs(self.model, batch).arguments(),
                target=target,
                steps=self.settings.steps,
                rule=self.settings.rule,
                tolerance=self.settings.tolerance,
                max_steps=self.settings.max_steps,
                path=self.settings.path,
                output=self.settings.output,
                precision=self.settings.precision,
                token_budget=self.token_budget,
            )
        except NonFiniteError as error:
            raise not_finite(batch.example_ids[error.rows[0]]) from None

    def _rows(self, job: Job, result: Attribution, targets: Tensor, name: str) -> list[dict[str, Any]]:
        return [
            example_record(
                example,
                result,
                number,
                split=job.split,
                target=int(targets[number]),
                target_name=name,
                keep=self.keep[f"{job.split}/{name}"],
            )
            for number, example in enumerate(job.examples)
        ]


class JobWriter(BasePredictionWriter):
    """Writes each job's rows to a file of its own, whole or not at all."""

    def __init__(self, work: Unfinished) -> None:
        super().__init__(write_interval="batch")
        self.work = work

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: list[dict[str, Any]],
        batch_indices: Sequence[int] | None,
        batch: Job,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Called by the process that ran the job."""
        self.work.write(job_name(batch), lambda file: file.write(parquet_of(prediction)))


def job_name(job: Job) -> str:
    """The file of a job's rows, named after its content: another token budget cuts the same work into other jobs."""
    content = json.dumps([job.split, job.targets, [example.example_id for example in job.examples]])
    return f"job-{hashlib.sha256(content.encode()).hexdigest()[:16]}.parquet"


def run_jobs(
    attributor: Attributor,
    jobs: list[Job],
    *,
    trainer: TrainerSettings,
    work: Unfinished,
    workers: int,
    group: Group = ALONE,
) -> None:
    """Run the jobs that have no file in `work` yet, over the trainer's processes, or those of the `group`.

    It returns when all of them are done.

    Raises:
        InputError: if the trainer asks for GPUs that are not there, or one of its processes is killed.
    """
    attributor.left, attributor.workers = partial(_left, jobs, work), workers
    device = device_for(trainer)
    if group.size == 1:
        missing = _left(jobs, work)
        if not missing:
            return
        attributor.left = partial(list, missing)
        # No more processes than there are batches.
        where = {"devices": min(trainer.devices, len(missing)), "strategy": "auto"}
        where |= {"strategy": trainer.strategy} if len(missing) > 1 else {}
    else:
        where = {"devices": group.size // group.nodes, "num_nodes": group.nodes, "strategy": "ddp"}
    run = pl.Trainer(
        accelerator=device.type,
        **where,
        plugins=environment_of(group),
        # Shares are the attributor's own, by cost.
        use_distributed_sampler=False,
        # Lightning's inference mode forbids the gradients that attribution is made of.
        inference_mode=False,
        callbacks=[JobWriter(work), Progress("attribute")],
        enable_progress_bar=False,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    try:
        run.predict(attributor, return_predictions=False)
    except ProcessExitedException as error:
        ended = error.signal_name or f"code {error.exit_code}"
        raise InputError(
            f"a process of attribution was ended by {ended}; with fewer run.trainer.devices it needs less memory, and "
            + GOES_ON
        ) from None


def _left(jobs: list[Job], work: Unfinished) -> list[Job]:
    """Those that have no file yet."""
    left = [job for job in jobs if not work.has(job_name(job))]
    if 0 < len(left) < len(jobs):
        log.info("resuming: %d of %d batches are done", len(jobs) - len(left), len(jobs))
    return left


def cost(job: Job) -> int:
    """Tokens of the padded batch: what a job takes, nearly enough to share out jobs by."""
    return len(job.examples) * max(map(len, job.examples))


def _same(job: Job) -> Job:
    return job
