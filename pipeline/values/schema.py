"""What params.yaml may hold: one class per section, one field per value; tasks are those of conf/tasks.yaml.

A stage's section has the stage's name. To add one: a class here, a field in `Params`, its defaults in
conf/base.yaml, and its name under the stage's `params` in dvc.yaml.
No field has a default here: params.yaml and the presets are the only places where values are set.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from pipeline.errors import InputError
from pipeline.values.fields import (
    MOST,
    MOST_PARTS,
    MOST_REPEATS,
    MOST_STEPS,
    AnyNumber,
    Count,
    CountOrAuto,
    List,
    Name,
    NotNegative,
    Positive,
    Repeats,
    Section,
    Seed,
    Share,
    Steps,
    StepsOrAuto,
    Weight,
    one_line,
    rising_from_0,
    rising_from_0_to_1,
    rising_to_1,
    tracked,
)
from pipeline.values.inputs import Data, Model, data_folder_name
from pipeline.values.per_task import DEFAULT

if TYPE_CHECKING:
    from pipeline.values.task_table import Task

Pooling = Literal["max", "confidence"]
Importance = Literal[
    "attribution",
    "taylor",
    "taylor_michel",
    "taylor_authors",
    "attention",
    "accuracy_difference",
    "loss_difference",
    "gradient_x_attention",
    "output_norm",
]
# What may be different about attribution's importance: how a head's edges are pooled, and what is integrated.
Factor = Literal["sum", "positive", "absolute", "joint", "left_20", "iterative"]
Normalise = Literal["none", "layer_l2"]
RankingPerExample = Literal[
    "attribution_predicted",
    "attribution_predicted_sum",
    "attribution_gold",
    "attention_max",
    "attention_confidence",
    "gradient_x_attention",
    "taylor",
    "loss_difference",
    "random",
]
Control = Literal["random", "frequency", "shuffled", "attention", "hotflip"]
Threshold = Annotated[float, Field(ge=0, lt=1)]
FineSteps = Annotated[int, Field(ge=4, le=MOST_STEPS)]
Place = Annotated[int, Field(ge=0, lt=MOST_PARTS)]
Title = Annotated[Name, AfterValidator(one_line)]
Tracked = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(tracked)]
Rule = Literal["left", "right", "midpoint", "trapezoid", "gauss_legendre", "clenshaw_curtis"]


def _by_task(most: int) -> BeforeValidator:
    # One value, not a number with a table of exceptions: whoever gives a number means it for every task.
    def check(value: object) -> object:
        table = value if isinstance(value, dict) else {DEFAULT: value}
        if all(type(item) is int and 0 <= item <= most for item in table.values()):
            return value
        raise ValueError(
            f"an integer of at least 0, or a table of such by task, with default for the others; each at most {most}"
        )

    number = Annotated[int, Field(ge=0, le=most)]
    return BeforeValidator(check, json_schema_input_type=number | dict[Name, number])


RepeatsByTask = Annotated[int | dict[str, int], _by_task(MOST_REPEATS)]
CountByTask = Annotated[int | dict[str, int], _by_task(MOST)]
Epochs = TypeVar("Epochs")


class Prepare(Section):
    """Tokenising and the splits; null takes all examples."""

    max_length: Annotated[int, Field(ge=8, le=100_000)]
    n_train: Count | None
    n_eval: Count | None
    n_importance: Count
    n_heldout: NotNegative
    protocol: Literal["heldout", "authors"]
    max_unknown: Share  # of the tokens; more say that the tokenizer is another model's, or another language's


class Training(Section, Generic[Epochs]):
    """How a classifier is trained."""

    epochs: Epochs
    lr: Positive
    batch_size: Count
    warmup: Share
    weight_decay: Weight
    clip: Positive
    select: Literal["last", "best"]
    precision: Literal["32-true", "bf16-mixed"]


class Finetune(Training[RepeatsByTask]):
    """The task's classifier; 0 epochs use the checkpoint as it is."""


class Attribute(Section):
    """The integral, and what is kept of its result."""

    steps: StepsOrAuto
    rule: Rule
    tolerance: Annotated[float, Field(gt=0, lt=1)]  # of steps: auto
    max_steps: FineSteps  # of steps: auto
    path: Literal["layer", "joint"]
    output: Literal["probability", "logit", "log_probability", "margin"]
    precision: Literal["full", "bfloat16"]
    n_mine: NotNegative
    mine_min_tokens: CountByTask  # where it says nothing, examples of any length
    top_edges: Count
    full_maps: NotNegative


class Effectiveness(Section):
    """Masking heads of every layer, lowest or highest first."""

    methods: List[RankingPerExample]
    n_eval: Count | None  # so many of the dev examples, the same for every seed; null takes all


class Prune(Section):
    """Masking heads of the whole model, lowest importance first."""

    methods: List[Literal[Importance, "random"]]
    normalise: List[Normalise]
    factors: AnyNumber[Factor]  # further rankings by attribution, each with one thing changed; few are cheap
    rates: Annotated[List[Share], AfterValidator(rising_from_0_to_1)]  # of universality too
    rounding: Literal["half_up", "down"]  # to whole heads; down: as the released code
    random_orders: Annotated[int, Field(ge=20, le=MOST_REPEATS)]  # of universality too
    n_eval: Count | None  # so many of the dev examples, the same for every seed; null takes all
    attention_pooling: Pooling


class Convergence(Section):
    """The error of every rule and number of steps against a finer integral."""

    n_judged: Count  # examples on which 20 steps of the right and the left rule are judged
    n_examples: Count  # examples on which all of `rules` and `steps` are compared
    rules: List[Rule]
    steps: List[Steps]
    reference_steps: FineSteps  # in float64: Gauss-Legendre; where 20 steps are judged, at most
    reference_tolerance: Annotated[float, Field(gt=0, lt=1)]  # to which the judged examples' reference refines itself
    tolerance: Annotated[float, Field(gt=0, lt=1)]  # of `auto` as in use
    max_steps: FineSteps  # of the same
    top_k: Count


class Truth(Section):
    """Scores of edges held against what knocking them out does."""

    n_examples: Count  # at most so many, the same for every seed
    max_tokens: Count  # examples that are longer are left out: there is a knock-out for every pair of tokens
    levels: List[Literal["pairs", "edges"]]  # pairs: over all heads of a layer; edges: of one head, many more
    top_k: Count
    largest: Annotated[float, Field(gt=0, lt=1)]  # share of the edges that matter: those of the largest effects
    group_sizes: List[Count]  # of pairs that are removed together


class PlantedPaths(Training[Repeats]):
    """Models in which the edges that carry the prediction are known, trained from scratch, without a task."""

    n_train: Count
    n_examples: Count
    n_kept: Count  # whose scores are kept edge by edge; the first is drawn


class Shortcut(Section):
    """A word that gives a class away: fine-tuned in, as `finetune` says, found, and pruned away."""

    n_train: Count | None  # so many of the training rows, the same for every seed; null takes all
    share: Share  # of the class's training rows that have the word
    decoys: Annotated[int, Field(ge=0, le=MOST_PARTS)]  # further words, each in as many rows, of whatever class
    n_examples: Count  # at most so many, with the word: to rank tokens (of dev), and heads (held out)
    n_eval: Count | None  # so many of the dev examples, the same for every seed; null takes all
    rates: Annotated[List[Share], AfterValidator(rising_from_0)]  # of heads that are masked, those that read it first
    random_orders: Repeats


class Universality(Section):
    """Do the same heads matter in other tasks? Heads are masked at the rates of `prune`."""

    method: Importance
    normalise: Normalise
    n_eval: Count | None  # so many of the dev examples, the same for every seed; null takes all


class Tree(Section):
    """Attribution trees, and what their edges are worth."""

    tau: Threshold
    tau_last: Threshold
    lam: Weight
    variant: Literal["paper", "authors"]
    n_examples: Count  # so many of dev, the same for every seed, whose edges are masked; trees are built for all of dev
    tau_grid: List[Threshold]
    random_trees: Repeats  # for each example, at `tau`
    random_sets: Repeats  # random trees at every other threshold of the grid, and random orders of the edges
    edge_shares: Annotated[List[Share], Field(min_length=2), AfterValidator(rising_to_1)]  # of those a tree may take
    optimum_seconds: Annotated[float, Field(gt=0, le=86_400)]  # for each example's exact optimum


class View(Section):
    """Examples that are explained in full, for the viewer."""

    n_examples: NotNegative  # of dev, the first that are short enough
    max_tokens: Count


class Examples(Section):
    """Trees and pages of single examples, of tasks whose texts may be published."""

    n_trees: NotNegative  # to be drawn, of the examples whose maps `attribute` keeps whole
    longest_tree: Count  # tokens
    n_views: NotNegative  # in the viewer, of those that `view` explained
    kilobytes: Annotated[
        int, Field(ge=1, le=1_000_000)
    ]  # that their data may take in the page; the less, the coarser the values of heat maps


class Triggers(Section):
    """Adversarial triggers mined from attribution, and their controls."""

    n_triggers: Count  # at most so many, the strongest
    second_share: Share  # a second edge below this share of the first is left out
    least_attribution: Weight  # weaker patterns are dropped
    controls: List[Control]
    neighbours: Count  # from so many tokens of about its frequency a token's replacement is drawn
    n_select: Count  # held-out training examples on which the best are selected
    n_eval: Count | None  # so many of the dev examples, the same for every seed; null takes all
    hotflip_batch: Count  # held-out examples, others than those, whose loss HotFlip raises
    hotflip_candidates: Count  # tokens that are tried at each place, in each round
    hotflip_rounds: Annotated[int, Field(ge=0, le=MOST_REPEATS)]  # at most so many


class Analyse(Section):
    """The statistics of all experiments."""

    best_triggers: Count  # so many of each kind of trigger, selected on held-out examples
    collapse_share: Share  # from this share of one predicted class on, a trigger is said to collapse to it


class Figures(Section):
    """Drawing. The heat map shows each task's first drawn tree; null takes the head with the largest attribution."""

    dpi: Annotated[int, Field(ge=30, le=1200)]
    heatmap_layer: Place | None
    heatmap_head: Place | None


class Report(Section):
    """The page."""

    title: Title


class Trainer(Section):
    """Where models run. `attribute` uses several processes; every other stage, `finetune` above all, uses one.

    Several would train another model: they draw other dropout. `auto` is a GPU where torch sees one, else the CPU.
    `ddp_spawn` starts `devices` processes on this machine; of `torchrun` and `slurm` this process is one of those that
    they have started, on any number of machines.
    """

    accelerator: Literal["cpu", "gpu", "auto"]
    devices: Annotated[int, Field(ge=1, le=1024)]
    strategy: Literal["auto", "ddp_spawn", "torchrun", "slurm"]

    @model_validator(mode="after")
    def _no_relaunch(self) -> "Trainer":
        # Lightning's own choice for several devices relaunches the command line, and with -m the whole sweep.
        if self.devices > 1 and self.strategy != "ddp_spawn":
            raise InputError(
                f"run.trainer.strategy is {self.strategy}, but must be ddp_spawn with {self.devices} devices"
            )
        return self


class Tracking(Section):
    """Weights & Biases; auto tracks online where a key is at hand, else offline."""

    mode: Literal["auto", "offline", "online", "disabled"]
    project: Tracked
    entity: Tracked | None


class Run(Section):
    """What cannot change a result; no stage tracks it."""

    trainer: Trainer
    workers: Annotated[int, Field(ge=0, le=1024)]
    token_budget: CountOrAuto  # tokens of one pass; auto: as the free memory allows
    tracking: Tracking
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Params(Section):
    """All of params.yaml, and the table of tasks that it is checked against: the context of its validation."""

    preset: Name
    tasks: List[Name]
    seeds: List[Seed]
    data: Data
    model: Model
    prepare: Prepare
    finetune: Finetune
    attribute: Attribute
    effectiveness: Effectiveness
    prune: Prune
    convergence: Convergence
    truth: Truth
    planted_paths: PlantedPaths
    shortcut: Shortcut
    universality: Universality
    tree: Tree
    view: View
    examples: Examples
    triggers: Triggers
    analyse: Analyse
    figures: Figures
    report: Report
    run: Run
    _table: "Mapping[str, Task]" = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Keep the table of tasks."""
        self._table = context

    @property
    def table(self) -> "Mapping[str, Task]":
        """Every task of conf/tasks.yaml by its name."""
        return self._table

    @model_validator(mode="after")
    def _tasks_are_known(self) -> "Params":
        by_task = {
            "model.name": self.model.name,
            "finetune.epochs": self.finetune.epochs,
            "attribute.mine_min_tokens": self.attribute.mine_min_tokens,
        }
        named: dict[str, Any] = {"tasks": self.tasks}
        named |= {key: [*value] for key, value in by_task.items() if isinstance(value, dict)}
        for key, tasks in named.items():
            known = [*self.table, *([DEFAULT] if key in by_task else [])]
            if unknown := next((task for task in tasks if task not in known), None):
                raise InputError(f"{key} holds {unknown}, but conf/tasks.yaml has {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _sections_fit(self) -> "Params":
        fitting = [name for name, task in self.table.items() if task.planted == (self.data.source == "planted")]
        if self.model.source == "scratch" and self.data.source != "planted":
            raise InputError(
                f"model.source is scratch, whose words are those of planted tasks, but data.source is "
                f"{self.data.source}: use a model with a tokenizer, from a folder or the hub"
            )
        for task in self.tasks:
            if task not in fitting:
                raise InputError(
                    f"tasks holds {task}, but data.source is {self.data.source}, which has {', '.join(fitting)}"
                )
            for key, value in (("model.name", self.model.name), ("finetune.epochs", self.finetune.epochs)):
                if isinstance(value, dict) and value.keys().isdisjoint((task, DEFAULT)):
                    raise InputError(f"{key} is {value}, but must hold {task} or {DEFAULT}")
        if self.attribute.steps == "auto" and self.attribute.rule != "clenshaw_curtis":
            raise InputError(
                f"attribute.rule is {self.attribute.rule}, but must be clenshaw_curtis where attribute.steps is auto"
            )
        if self.prune.factors and "attribution" not in self.prune.methods:
            raise InputError("prune.factors change attribution, which prune.methods must hold then")
        compared = self.universality
        if compared.method not in self.prune.methods or compared.normalise not in self.prune.normalise:
            raise InputError(
                f"universality compares {compared.method} with normalise {compared.normalise}, "
                "which prune does not compute: name them in prune.methods and prune.normalise"
            )
        selecting, raised, held = self.triggers.n_select, self.triggers.hotflip_batch, self.prepare.n_heldout
        if selecting + raised > held:
            raise InputError(
                f"triggers.n_select is {selecting} and triggers.hotflip_batch {raised}, but together they must be at "
                f"most prepare.n_heldout, {held}"
            )
        carved = held + (self.prepare.n_importance if self.prepare.protocol == "heldout" else 0)
        if self.data.n_train is not None and carved >= self.data.n_train:
            raise InputError(
                f"data.n_train is {self.data.n_train}, but must exceed the {carved} examples that prepare carves out "
                "of it for the importance and the held-out sample"
            )
        return self


def external_folders(params: Params) -> list[str]:
    """The folders of ATTATTR_DATA that `params` needs."""
    sources = {data_folder_name(params.data.name): params.data.source, "models": params.model.source}
    return [name for name, source in sources.items() if source == "folder"]
