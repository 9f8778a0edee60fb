"""What params.yaml may hold: one class per section, one field per value.

A stage's section has the stage's name. To add one: a class here, a field in `Params`, the same line in
`pipeline.run.config.StageConfig`, its defaults in conf/base.yaml, and its name under the stage's `params` in dvc.yaml.
No field has a default here: params.yaml and the presets are the only places where values are set.
"""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from pipeline.errors import InputError
from pipeline.run.fields import (
    Count,
    CountOrAuto,
    List,
    Name,
    NotNegative,
    Positive,
    Section,
    Share,
    rising_from_0_to_1,
)
from pipeline.run.inputs import Data, Model

PlantedTask = Literal["negation", "inference"]
GlueTask = Literal["mnli", "rte", "sst2", "mrpc"]
Task = Literal[PlantedTask, GlueTask]
Pooling = Literal["max", "confidence"]
Rule = Literal["left", "right", "midpoint", "trapezoid", "gauss_legendre", "clenshaw_curtis"]


class Prepare(Section):
    """Tokenising and the splits; null takes all examples."""

    max_length: Annotated[int, Field(ge=8)]
    n_train: Count | None
    n_eval: Count | None
    n_importance: Count
    n_heldout: NotNegative
    protocol: Literal["heldout", "authors"]
    seed: NotNegative


class Finetune(Section):
    """Training; 0 epochs use the checkpoint as it is."""

    epochs: NotNegative
    epochs_for: dict[Task, NotNegative]  # instead of `epochs`, for these tasks
    lr: Positive
    batch_size: Count
    warmup: Share
    weight_decay: Annotated[float, Field(ge=0)]
    clip: Positive
    select: Literal["last", "best"]
    precision: Literal["32-true", "bf16-mixed"]


class Attribute(Section):
    """The integral, and what is kept of its result."""

    steps: CountOrAuto
    rule: Rule
    tolerance: Annotated[float, Field(gt=0, lt=1)]  # of steps: auto
    max_steps: Annotated[int, Field(ge=4)]  # of steps: auto
    path: Literal["layer", "joint"]
    output: Literal["probability", "logit", "log_probability", "margin"]
    precision: Literal["full", "bfloat16"]
    n_mine: NotNegative
    n_mine_heldout: NotNegative
    mine_min_tokens: dict[Task, Count]
    top_edges: Count
    full_maps: NotNegative


class Effectiveness(Section):
    """Masking heads of every layer, lowest or highest first."""

    methods: List[Literal["attribution_gold", "attribution_predicted", "attention"]]
    attention_pooling: Pooling
    bootstrap_draws: Annotated[int, Field(ge=100)]
    seed: NotNegative


class Prune(Section):
    """Masking heads of the whole model, lowest importance first."""

    methods: List[
        Literal[
            "attribution",
            "taylor",
            "taylor_michel",
            "taylor_authors",
            "attention",
            "accuracy_difference",
            "loss_difference",
            "gradient_x_attention",
            "random",
        ]
    ]
    normalise: List[Literal["none", "layer_l2"]]
    rates: Annotated[List[Share], AfterValidator(rising_from_0_to_1)]
    random_orders: Annotated[int, Field(ge=20)]
    n_eval: Count | None  # a seeded sample of the dev examples; null takes all
    attention_pooling: Pooling
    bootstrap_draws: Annotated[int, Field(ge=2000)]
    equivalence_margin: Positive  # accuracy points
    seed: NotNegative


class Convergence(Section):
    """The error of every rule and number of steps against a finer integral."""

    n_examples: Count
    rules: List[Rule]
    steps: List[Count]
    reference_steps: Annotated[int, Field(ge=4)]  # Gauss-Legendre, float64
    tolerance: Annotated[float, Field(gt=0, lt=1)]  # of `auto`
    max_steps: Annotated[int, Field(ge=4)]
    top_k: Count
    sufficient_error: Annotated[float, Field(gt=0, lt=1)]  # claim P1: the error that 20 steps may have
    bootstrap_draws: Annotated[int, Field(ge=100)]
    seed: NotNegative


class Figures(Section):
    """Drawing."""

    dpi: Annotated[int, Field(ge=30, le=1200)]


class Report(Section):
    """The page."""

    title: Name


class Trainer(Section):
    """Lightning's trainer."""

    accelerator: Literal["cpu", "gpu", "auto"]
    devices: Count
    strategy: Literal["auto", "ddp_spawn"]

    @model_validator(mode="after")
    def _no_relaunch(self) -> "Trainer":
        # Lightning's own choice for several devices relaunches the command line, and with -m the whole sweep.
        if self.devices > 1 and self.strategy == "auto":
            raise InputError(f"run.trainer.strategy is auto, but must be ddp_spawn with {self.devices} devices")
        return self


class Tracking(Section):
    """Weights & Biases; auto tracks online where a key is at hand, else offline."""

    mode: Literal["auto", "offline", "online", "disabled"]
    project: Name
    entity: Name | None


class Run(Section):
    """What cannot change a result; no stage tracks it."""

    trainer: Trainer
    workers: NotNegative
    token_budget: CountOrAuto  # tokens of one pass; auto: as the free memory allows
    tracking: Tracking
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Params(Section):
    """All of params.yaml."""

    preset: Name
    tasks: List[Task]
    seeds: List[NotNegative]
    data: Data
    model: Model
    prepare: Prepare
    finetune: Finetune
    attribute: Attribute
    effectiveness: Effectiveness
    prune: Prune
    convergence: Convergence
    figures: Figures
    report: Report
    run: Run

    @model_validator(mode="after")
    def _sections_fit(self) -> "Params":
        fitting = get_args(PlantedTask if self.data.source == "planted" else GlueTask)
        for task in self.tasks:
            if task not in fitting:
                raise InputError(
                    f"tasks holds {task}, but data.source is {self.data.source}, which has {', '.join(fitting)}"
                )
        held_out, held = self.attribute.n_mine_heldout, self.prepare.n_heldout
        if held_out > held:
            raise InputError(f"attribute.n_mine_heldout is {held_out}, but must be at most prepare.n_heldout, {held}")
        carved = held + (self.prepare.n_importance if self.prepare.protocol == "heldout" else 0)
        if self.data.n_train is not None and carved >= self.data.n_train:
            raise InputError(
                f"data.n_train is {self.data.n_train}, but must exceed the {carved} examples that prepare carves out "
                "of it for the importance and the held-out sample"
            )
        return self


def external_folders(params: Params) -> list[str]:
    """The folders of ATTATTR_DATA that `params` needs."""
    sources = {"glue": params.data.source, "models": params.model.source}
    return [name for name, source in sources.items() if source == "folder"]
