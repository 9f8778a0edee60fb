"""Single examples, in the viewer."""

from attattr.viewer.page import viewer_block
from pipeline.reporting.blocks import Block, Html, ReportContext, Section, Text

INTRODUCTION = (
    "Dev examples of the first seed, explained in full: which tokens and heads speak for each class, the attribution "
    "tree at any threshold with what its edges carry, and every head's attention beside its attribution. "
    "`python -m pipeline.commands.explain` does this for a text of your own."
)
NONE = (
    "The texts of this run's examples may not be published, or are not kept; `python -m pipeline.commands.explain` "
    "shows a text of your own."
)
CAPTION = "The viewer. A link copied from it leads to what is being looked at."


def examples_section(context: ReportContext) -> Section:
    """The viewer, as the stage `examples` packed it."""
    blocks: list[Block] = [Text(NONE)]
    if context.examples:
        markup = viewer_block(context.examples, tau=context.parameters["tree"]["tau"])
        blocks = [Text(INTRODUCTION), Html(markup, CAPTION)]
    return Section("examples", "Examples", blocks)
