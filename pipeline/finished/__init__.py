"""What a finished run left, to be looked at: its models, examples, views, results and figures. Notebooks use it."""

from pipeline.analysis.methods import named as method_name
from pipeline.finished.models import export, inputs, logits
from pipeline.finished.run import Run
from pipeline.finished.trees import trees_figure

__all__ = ["Run", "export", "inputs", "logits", "method_name", "trees_figure"]
