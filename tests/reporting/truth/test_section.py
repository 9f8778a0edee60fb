import pandas as pd

from pipeline.analysis.quantities import Shortcut
from pipeline.reporting.blocks import Table, Text
from pipeline.reporting.style import METHODS
from pipeline.reporting.truth.plots import line_figure
from pipeline.reporting.truth.section import leader, section


def test_who_comes_first_is_said_first(report_context):
    blocks = section(report_context).blocks
    first = next(block for block in blocks if isinstance(block, Text)).text
    assert "Single pairs, AUROC, first by value: negation: gradient × attention 0.88, attribution 0.75." in first
    assert "Groups of pairs, log-odds lost, first by value: negation: attribution 2.50." in first
    # No edges of single heads were knocked out.
    assert len([block for block in blocks if isinstance(block, Table)]) == 3


def test_there_is_a_line_per_method_with_the_seeds_as_thin_ones():
    rows = [
        {"task": "negation", "seed": seed, "method": method, "size": size, "n": 10, "lost": lost * size + seed}
        for seed in (1, 2)
        for method, lost in (("attribution", 1.0), ("attention", 0.5))
        for size in (1, 5)
    ]
    axes = {"x": "size", "y": "lost", "xlabel": "pairs", "ylabel": "log-odds lost", "log": True}
    figure = line_figure(pd.DataFrame(rows), **axes)
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("pairs", "log-odds lost", "log")
    drawn = [
        line for line in ax.lines if line.get_color() == METHODS["attribution"].colour and line.get_linewidth() > 1
    ]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in drawn] == [([1, 5], [2.5, 6.5])]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["attribution", "attention"]


def test_of_equals_the_first_is_named_and_the_others_are_counted():
    rows = [
        {"task": "sst2", "name": f"first/{name}", "value": value}
        for name, value in (("attribution", 1.0), ("attention", 1.0), ("joint", 1.0), ("random", 0.25))
    ]
    assert leader(rows, Shortcut.FIRST, "Found") == "Found, first by value: SST-2: attribution and 2 more 1.00."


def test_what_is_undefined_comes_first_nowhere():
    def row(task, method, value):
        return {"task": task, "name": f"first/{method}", "value": value}

    rows = [row("rte", name, None) for name in ("attribution", "attention")]
    assert leader(rows, Shortcut.FIRST, "First, %") == "First, %, first by value: RTE: undefined."
    rows += [row("sst2", "attribution", 50.0), row("sst2", "attention", None)]
    assert (
        leader(rows, Shortcut.FIRST, "First, %")
        == "First, %, first by value: RTE: undefined; SST-2: attribution 50.00."
    )
