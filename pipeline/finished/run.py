"""A finished run: what is in its folder, each thing read when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.finished.chosen import chosen, part_of
from pipeline.values.paths import data_folder, experiment_folder, model_folder, repository
from pipeline.values.present import present

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attattr.examples import Example
    from attattr.viewer.texts import Text
    from attattr.viewer.view import View
    from pipeline.finished.chosen import Chosen, Rows
    from pipeline.reporting.results import Record
    from pipeline.values.schema import Params


@dataclass(frozen=True)
class Run:
    """The run whose params.yaml and outputs/ are in the folder `root`.

    What is missing raises an InputError that says what to run. Where a method takes `rows`, these are columns and the
    values, one or several, that are let through: `table("prune", "curves", method=["attribution", "attention"])`.
    """

    root: Path

    @classmethod
    def here(cls) -> Run:
        """The repository's."""
        return cls(repository())

    @classmethod
    def kept(cls, name: str) -> Run:
        """The committed one in `results/<name>`: results and values, without models and examples."""
        return cls(repository() / "results" / name)

    @cached_property
    def params(self) -> Params:
        """Its values."""
        from pipeline.values.params import read_params

        return read_params(self.root / "params.yaml")

    def newest(self) -> tuple[str, int]:
        """Task and seed of the model that was trained last."""
        from pipeline.commands.explaining.locate import trained

        folders = trained(self.root)
        if not folders:
            raise InputError(f"{self.root / 'outputs' / 'models'} has no model yet: run make repro")
        task, _, seed = folders[-1].name.rpartition("-")
        return task, int(seed)

    def model(self, task: str, seed: int) -> PreTrainedModel:
        """The fine-tuned classifier, where `run.trainer` says."""
        from pipeline.predicting.device import device_for
        from pipeline.predicting.load import load_finetuned

        return load_finetuned(model_folder(self.root, task, seed), device_for(self.params.run.trainer))

    def tokenizer(self, task: str, seed: int) -> PreTrainedTokenizerBase:
        """The tokenizer of that model."""
        from transformers import AutoTokenizer

        folder = data_folder(self.root, task, seed) / "tokenizer"
        present(folder / "tokenizer.json", "prepare")
        return AutoTokenizer.from_pretrained(folder)

    def examples(self, task: str, seed: int, *, split: str = "dev", count: int | None = None) -> list[Example]:
        """A split of its data, or the `count` examples that stages take of it if they take so many."""
        from pipeline.predicting.examples import read_examples, subset

        return subset(read_examples(present(data_folder(self.root, task, seed) / f"{split}.parquet", "prepare")), count)

    def text(self, task: str, seed: int, example: Example) -> Text:
        """An example as the tokenizer reads it out: a text, or a pair of them."""
        tokenizer = self.tokenizer(task, seed)
        parts = [str(tokenizer.decode(example.input_ids[start:stop])) for start, stop in example.segments]
        return parts[0] if len(parts) == 1 else (parts[0], parts[1])

    def views(self, task: str, seed: int) -> list[View]:
        """The dev examples that were explained in full."""
        from attattr.viewer.store import FACTS, read_views

        return read_views(present(experiment_folder(self.root, "view", task, seed) / FACTS, "view").parent)

    def importance(self, task: str, seed: int, *, normalise: str = "none") -> pd.DataFrame:
        """A row per layer and head, counted from 1, a column per method of `prune.methods` but random orders."""
        import pandas

        from pipeline.analysis.methods import named
        from pipeline.values.importance import read_importance

        found = {
            named(method): read_importance(self.root, task, seed, method=method, normalise=normalise)
            for method in self.params.prune.methods
            if method != "random"
        }
        layers, heads = next(iter(found.values())).shape
        places = pandas.MultiIndex.from_product([range(1, layers + 1), range(1, heads + 1)], names=["layer", "head"])
        return pandas.DataFrame({name: values.ravel() for name, values in found.items()}, index=places)

    def records(self, experiment: str, **rows: Rows) -> list[Record]:
        """Facts of every model; of `claims` one record per claim."""
        with self._chosen(rows) as results:
            return results.records(experiment)

    def statistics(self, experiment: str, **rows: Rows) -> list[Record]:
        """What the models of each task came to together."""
        with self._chosen(rows) as results:
            return results.statistics(experiment)

    def table(self, experiment: str, name: str, **rows: Rows) -> pd.DataFrame:
        """One of the long tables over all models, `outputs/analysis/<experiment>/<name>.csv`."""
        with self._chosen(rows) as results:
            return results.table(experiment, name)

    def markdown(self, experiment: str, **rows: Rows) -> dict[str, str]:
        """The experiment's tables of the report by their names, as Markdown."""
        from pipeline.reporting.table_text import to_markdown

        with self._chosen(rows) as results:
            found = part_of(experiment, "tables").tables(results)
            return {name: to_markdown(table) for name, table in found.items()}

    def figures(self, experiment: str, **rows: Rows) -> dict[str, Figure]:
        """The experiment's curves of the report by their names, drawn again."""
        with self._chosen(rows) as results:
            return part_of(experiment, "plots").figures(results, self.params.figures)

    def _chosen(self, rows: dict[str, Rows]) -> AbstractContextManager[Chosen]:
        return chosen(self.root, self.params.tasks, self.params.seeds, rows=rows)
