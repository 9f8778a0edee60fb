"""How many floating point operations the exact identities of docs/method.md leave; a product and a sum count as two.

Only matrix products count, at the examples' own lengths: not padding, and no norm, softmax, activation or copy. n is
the tokens of an example, h the hidden size, f the feed-forward size, H the heads, L the layers.

| part | forward | backward, to the input alone as weights are frozen |
|---|---|---|
| feed-forward part of n tokens | 4nhf | the same |
| projections of a layer (query, key, value, output) | 8nh^2 | the same |
| attention of a layer, two products | 4n^2h | twice: both factors have a gradient; nothing is computed again |
| last layer, first row, keys and values folded | 8h^2 + 4Hnh + 4hf | 8h^2 + 8Hnh + 4hf |
| readout (pooler and C classes) | 2h^2 + 2hC | the same |

- *A node of layer l*, forward and backward: the feed-forward part of l for all tokens, the layers l+1 .. L-2 whole,
  the last layer's first row, the readout. For l = L-1 the first row's feed-forward part and the readout.
- *F without attention*, forward, for each layer, where the rule has no node at 0.
- *The prefix pass*, forward, once: all layers, the last one with queries, keys and probabilities for all rows (they
  are results) and all else for the first row. Where the rule has a node at 1, also backward to every context.
- *The late product*, for each layer: the output projection back, and the product with the values (n rows; in the last
  layer one).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from attattr.attribution import Attribution
from attattr.quadrature import Rule, quadrature


@dataclass(frozen=True)
class Shape:
    """The sizes of a BERT classifier."""

    hidden: int
    intermediate: int
    heads: int
    layers: int
    classes: int

    @classmethod
    def of(cls, model: PreTrainedModel) -> "Shape":
        """A model's sizes."""
        config = model.config
        sizes = (config.hidden_size, config.intermediate_size, config.num_attention_heads, config.num_hidden_layers)
        return cls(*sizes, config.num_labels)

    def feed_forward(self, n: int) -> int:
        """The feed-forward part, one way."""
        return 4 * n * self.hidden * self.intermediate

    def layer(self, n: int) -> tuple[int, int]:
        """A whole layer, forward and backward."""
        dense, products = 8 * n * self.hidden**2 + self.feed_forward(n), 4 * n**2 * self.hidden
        return dense + products, dense + 2 * products

    @property
    def readout(self) -> int:
        """From the first token's state to the logits, one way."""
        return 2 * self.hidden**2 + 2 * self.hidden * self.classes

    def top(self, n: int) -> tuple[int, int]:
        """The last layer's first row and the readout, forward and backward."""
        dense = 8 * self.hidden**2 + self.feed_forward(1) + self.readout
        products = 4 * self.heads * n * self.hidden
        return dense + products, dense + 2 * products

    def node(self, layer: int, n: int) -> tuple[int, int]:
        """One node of one layer, forward and backward."""
        if layer == self.layers - 1:
            return (self.feed_forward(1) + self.readout,) * 2
        above = self.layers - 2 - layer
        pairs = zip(self.layer(n), self.top(n), strict=True)
        forward, backward = (self.feed_forward(n) + above * whole + top for whole, top in pairs)
        return forward, backward

    def prefix(self, n: int) -> tuple[int, int]:
        """The prefix pass, and the way back to every layer's context."""
        h = self.hidden
        row = 2 * h**2 + self.feed_forward(1) + self.readout  # output projection, feed-forward part, readout
        whole = self.layer(n)
        forward = (self.layers - 1) * whole[0] + 6 * n * h**2 + 2 * n**2 * h + 2 * n * h + row
        last = row + 8 * n * h + 2 * h**2 + 4 * n * h**2 if self.layers > 1 else row
        first = 2 * n * h**2 + self.feed_forward(n) if self.layers > 1 else 0
        return forward, last + max(0, self.layers - 2) * whole[1] + first

    def late_product(self, layer: int, n: int) -> int:
        """From the summed gradients to the scores of a layer."""
        rows = 1 if layer == self.layers - 1 else n
        return 2 * rows * self.hidden**2 + 2 * rows * n * self.hidden


def counted(model: PreTrainedModel, result: Attribution, lengths: Sequence[int], *, rule: Rule, auto: bool) -> int:
    """The operations that `result` took, for examples of these lengths; `auto` where it chose its steps itself."""
    shape, total = Shape.of(model), 0
    for n, taken in zip(lengths, result.steps.tolist(), strict=True):
        nodes, _ = quadrature(rule, taken[0])
        end, zero = bool((nodes == 1).any()), bool((nodes == 0).any())
        forward, backward = shape.prefix(n)
        total += forward + (backward if end else 0)
        for layer, steps in enumerate(taken):
            evaluated = (steps + 1 if auto else len(nodes)) - end
            forward, backward = shape.node(layer, n)
            total += evaluated * (forward + backward) + (0 if zero else forward) + shape.late_product(layer, n)
    return total
