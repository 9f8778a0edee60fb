"""Views of random numbers, for what packs and shows them."""

import torch

from attattr.tree import attribution_tree
from attattr.viewer.view import THRESHOLDS, Explanation, Share, View

LABELS = ("negative", "positive")


def random_view(seed: int, *, tokens: int = 12, layers: int = 4, heads: int = 3, classes: int = 2) -> View:
    """An example of random numbers: of two classes the second's scores are minus the first's, of more its own."""
    generator = torch.Generator().manual_seed(seed)
    shape = (layers, heads, tokens, tokens)
    # Heavy tails, as real scores have them.
    first = torch.randn(shape, generator=generator) ** 3 * 1e-3
    scores = [first, -first] if classes == 2 else [first, *(first.roll(k, dims=3) for k in range(1, classes))]
    return View(
        name=f"random-{seed}",
        task="",
        tokens=["[CLS]", *(f"word{place}" for place in range(1, tokens - 1)), "[SEP]"],
        special=[0, tokens - 1],
        classes=LABELS if classes == 2 else [f"class {label}" for label in range(classes)],
        probabilities=[0.75, 0.25] if classes == 2 else [1 / classes] * classes,
        gold=1,
        predicted=(0,),
        attention=torch.randn(shape, generator=generator).softmax(dim=-1),
        explanations=tuple(
            _explanation(target, own, torch.rand(layers, heads, generator=generator))
            for target, own in enumerate(scores)
        ),
    )


def _explanation(target: int, scores: torch.Tensor, other: torch.Tensor) -> Explanation:
    layers = len(scores)
    head_sum = scores.sum(dim=1).double()
    trees = tuple(attribution_tree(head_sum, tau=tau) for tau in THRESHOLDS)
    shares = tuple(Share(0.75, 0.5, 0.5 + tau / 4, (0.45, 0.5, 0.6), 0.55, 0.7) for tau in THRESHOLDS)
    return Explanation(
        target=target,
        output="probability",
        value=0.75,
        attribution=scores,
        passed_on=scores.clamp(min=0).sum(dim=(0, 1, 2)),
        heads={"attribution, summed": scores.sum(dim=(2, 3)), "attention, largest": other},
        gradient_sum=head_sum,
        steps=[8] * layers,
        estimated_error=[0.004] * layers,
        unconverged=[False] * layers,
        completeness_gap=[1e-5] * layers,
        output_change=[0.25] * layers,
        absolute=scores.abs().sum(dim=(1, 2, 3)).tolist(),
        trees=trees,
        shares=shares,
    )
