"""What the ways of ranking heads and edges are called."""

from pipeline.errors import InputError
from pipeline.values.edge_methods import EDGE_METHODS

# What readers call scores of edges, or of tokens, that are not called as files name them.
_EDGE_LABELS = {
    "attribution_margin": "attribution of the log-odds",
    "joint": "joint-path attribution",
    "gradient_x_attention": "gradient × attention",
    "value_weighted": "value-weighted attention",
    "gradient_x_input": "gradient × input",
    "knock_out": "knock-out",
    "random": "random orders",
}
_ONLY_COMPARED = ("attribution_per_attention", "gradient_x_input", "knock_out", "random")
EDGE_SCORES = {name: _EDGE_LABELS.get(name, name.replace("_", " ")) for name in (*EDGE_METHODS, *_ONLY_COMPARED)}

# Rankings of heads that are nothing else; edge scores rank heads, too.
OF_HEADS = {
    "attribution_predicted": "attribution, predicted label",
    "attribution_predicted_sum": "attribution summed, predicted label",
    "attribution_gold": "attribution, gold label",
    "taylor": "Taylor (paper)",
    "taylor_michel": "Taylor (Michel et al.)",
    "taylor_authors": "Taylor (authors' code)",
    "accuracy_difference": "accuracy difference",
    "loss_difference": "loss difference",
    "output_norm": "output norm",
    "attention_max": "attention, maximum",
    "attention_confidence": "attention, confidence",
}

NAMES = EDGE_SCORES | OF_HEADS

# Rankings by attribution with one thing changed: `factor/<name>` where a method's name stands otherwise.
FACTORS = {
    "sum": "sum of a head's edges instead of the largest",
    "positive": "sum of a head's positive edges instead of the largest",
    "absolute": "mean absolute value of a head's edges instead of the largest",
    "joint": "joint path instead of the layer path",
    "left_20": "20 steps of the left rule instead of the usual integral",
    "iterative": "scored anew after every rate instead of once",
}


def named(method: str) -> str:
    """The method's name; InputError if it has none."""
    if method not in NAMES:
        raise InputError(f"no name for method {method!r}: known are {', '.join(NAMES)}")
    return NAMES[method]
