"""Texts, explained: what `explain` gives, to be looked at in a notebook, as a page, as text or as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attattr.errors import AttributionError
from attattr.tree import attribution_tree
from attattr.viewer.kinds import kind_of, name_of
from attattr.viewer.measure import whole_views
from attattr.viewer.notebook import framed
from attattr.viewer.pack import packed
from attattr.viewer.page import viewer_page
from attattr.viewer.record import record, written
from attattr.viewer.text import whole_text
from attattr.viewer.texts import default_output, to_examples, with_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attattr.output import Output
    from attattr.viewer.kinds import Kind
    from attattr.viewer.notebook import Frame
    from attattr.viewer.texts import Text
    from attattr.viewer.view import View

TITLE = "Self-attention attribution"


@dataclass(frozen=True)
class Explanations:
    """Explained texts, in their order. Everywhere `tau` is the threshold of the trees, from 0 to below 1."""

    texts: tuple[Text, ...]
    views: tuple[View, ...]
    """What there is to see of each text: its tokens, classes, scores, trees."""
    output: Output
    """What is explained of a class, as in `attribute`."""
    kind: Kind
    """What the model's outputs are: classes of which one is right, labels of which any number may be, or values."""

    def show(self, *, tau: float = 0.4, height: int = 900) -> Frame:
        """The viewer in a notebook's cell, `height` pixels high."""
        return framed(self.to_html(tau=tau), height=height)

    def to_html(self, *, tau: float = 0.4, title: str = TITLE) -> str:
        """The viewer as a page of its own, which loads nothing; `tau` is where its slider starts."""
        return viewer_page(packed(self.views), title=title, tau=tau)

    def to_json(self, *, tau: float = 0.4) -> str:
        """Predictions, convergence, scores of tokens and heads, trees and the strongest edges of every text.

        docs/method.md, "JSON of explanations", has every key.
        """
        pairs = zip(self.views, self.texts, strict=True)
        records = [record(view, text, attribution_tree(view.explanations[0].head_sum, tau=tau)) for view, text in pairs]
        return written(records, kind=self.kind, output=name_of(self.output, self.kind), tau=tau)

    def to_text(self, *, tau: float = 0.4) -> str:
        """Text after text, for a terminal: prediction, answer, tokens, the tree, the strongest edges.

        What the tree carries is said where it was measured, and `tau` is a place of the page's slider.
        """
        return "\n".join(
            _text(view, title=" / ".join(_parts(text)), tau=tau)
            for view, text in zip(self.views, self.texts, strict=True)
        )


def explain(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[Text],
    *,
    target: int | Literal["predicted"] = "predicted",
    output: Output | None = None,
    shares: bool = True,
    seed: int = 1,
) -> Explanations:
    """Explain what a classifier says of texts, or pairs of texts.

    `target` is the class that is shown first: "predicted" is the likeliest class or label (whether or not it is above
    one half), or of several values the largest. `output` is what is explained of it, as in `attribute`: its probability
    unless said otherwise, or its logit where the outputs are no classes that exclude each other. Of a regression the
    logit is the value. Without `shares` it is not measured what the trees carry, which takes most of the time; `seed`
    draws the random trees that these are compared with.

    Raises:
        AttributionError: for a model that is not supported, and for texts that it cannot read.
    """
    if isinstance(texts, str):
        raise AttributionError("texts is one text: give a list of texts")
    examples = to_examples(model, tokenizer, texts)
    chosen = output or default_output(model)
    views = whole_views(model, tokenizer, examples, target=target, options={"output": chosen}, seed=seed, shares=shares)
    worded = [with_words(view, tokenizer, text) for view, text in zip(views, texts, strict=True)]
    return Explanations(tuple(texts), tuple(worded), chosen, kind_of(model))


def _parts(text: Text) -> Sequence[str]:
    return (text,) if isinstance(text, str) else text


def _text(view: View, *, title: str, tau: float) -> str:
    one = view.explanations[0]
    tree = attribution_tree(one.head_sum, tau=tau)
    # What is carried is a matter of the edges, not of the threshold.
    carried = next((share for own, share in zip(one.trees, one.shares, strict=False) if own.edges == tree.edges), None)
    return whole_text(view, tree, tau=tau, title=title, carried=carried)
