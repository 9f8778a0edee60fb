"""The edge scores that experiments compare, by the names that their files carry: for those who measure and who read."""

from typing import Literal, NamedTuple

from pipeline.values.columns import ATTRIBUTION, MARGIN


class EdgeMethod(NamedTuple):
    """An edge score of `attattr.scores`, and the output of the class that it explains, if it explains one."""

    score: str
    output: Literal["probability", "logit", "log_probability", "margin"] = "probability"


# Attribution of the probability, as in the paper, and of the log-odds; the gradient is the log-odds'.
EDGE_METHODS = {
    ATTRIBUTION: EdgeMethod("attribution"),
    MARGIN: EdgeMethod("attribution", "margin"),
    "joint": EdgeMethod("joint"),
    "gradient_x_attention": EdgeMethod("gradient_x_attention", "margin"),
    "attention": EdgeMethod("attention"),
    "value_weighted": EdgeMethod("value_weighted"),
    "contribution": EdgeMethod("contribution"),
}
