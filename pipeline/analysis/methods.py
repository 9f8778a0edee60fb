"""What the ways of ranking heads and edges are called."""

from pipeline.errors import InputError

# Scores of edges, or of tokens.
EDGE_SCORES = {
    "attribution": "attribution",
    "attribution_margin": "attribution of the log-odds",
    "attribution_per_attention": "attribution per attention",
    "joint": "joint-path attribution",
    "gradient_x_attention": "gradient × attention",
    "attention": "attention",
    "value_weighted": "value-weighted attention",
    "contribution": "contribution",
    "gradient_x_input": "gradient × input",
    "knock_out": "knock-out",
    "random": "random orders",
}

# Rankings of heads that are nothing else; edge scores rank heads, too.
OF_HEADS = {
    "attribution_predicted": "attribution, predicted label",
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
