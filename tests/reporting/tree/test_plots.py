import numpy as np
import pandas as pd

from pipeline.reporting.tree.plots import faithfulness_figure


def test_the_curves_are_those_of_the_data():
    rows = [
        {"task": task, "seed": 1, "tau": tau, "n": 30, "edges": 10 * (1 - tau)}
        | {"sufficiency": 0.5 + tau / 10, "comprehensiveness": 0.3 - tau / 10}
        | {f"{name}_{end}": 0.4 for name in ("sufficiency", "comprehensiveness") for end in ("low", "high")}
        for task in ("sst2", "rte")
        for tau in (0.0, 0.4, 0.5)
    ]
    figure = faithfulness_figure(pd.DataFrame(rows))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["SST-2  (n = 30)", "RTE  (n = 30)"]
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(lines[0].get_ydata(), [0.5, 0.54, 0.55])
    np.testing.assert_allclose(lines[1].get_ydata(), [0.3, 0.26, 0.25])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0\n10.0", "0.4\n6.0", "0.5\n5.0"]
