import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.reporting.panels import save_figure
from pipeline.reporting.tree.heatmap import heatmap_figure

QUERY, KEY = ["[CLS]", "not", "$^$"], ["[CLS]", "no_t", "$^$", "^"]  # no formulas, least of all wrong ones


def test_the_map_is_drawn_with_queries_down_and_keys_across(tmp_path):
    matrix = np.arange(12.0).reshape(3, 4)
    figure = heatmap_figure(matrix, QUERY, KEY, title="layer 1, head 2, $^$")
    ax = figure.axes[0]
    np.testing.assert_array_equal(ax.images[0].get_array(), matrix)
    assert [label.get_text() for label in ax.get_yticklabels()] == QUERY
    assert [label.get_text() for label in ax.get_xticklabels()] == KEY
    save_figure(figure, tmp_path / "map", dpi=50)
    save_figure(heatmap_figure(matrix, QUERY, KEY, title="layer 1, head 2, $^$"), tmp_path / "again", dpi=50)
    for kind in ("svg", "png"):
        assert (tmp_path / f"map.{kind}").read_bytes() == (tmp_path / f"again.{kind}").read_bytes()


def test_a_signed_map_is_centred_on_zero_and_marks_what_is_clearly_negative():
    matrix = np.array([[0.5, -0.01], [-0.2, -1.0]])
    ax = heatmap_figure(matrix, QUERY[:2], KEY[:2], title="attribution").axes[0]
    assert ax.images[0].get_clim() == (-1, 1)
    least, most = (ax.images[0].to_rgba(np.array([value]))[0, :3] for value in (-1, 1))
    assert least[0] > 0.8 > 0.5 > least[2]  # orange against
    assert most[2] > 0.6 > 0.1 > most[0]  # blue for
    assert [text.get_position() for text in ax.texts] == [(0, 1), (1, 1)]


def test_a_map_without_negative_values_starts_at_zero():
    ax = heatmap_figure([[0.25, 0.75]], QUERY[:1], KEY[:2], title="attention").axes[0]
    assert ax.images[0].get_clim() == (0, 0.75)
    assert not ax.texts
    assert heatmap_figure([[0.0]], QUERY[:1], KEY[:1], title="nothing").axes[0].images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("matrix", [np.zeros((4, 3)), np.zeros(3), np.zeros((0, 0))])
def test_tokens_that_do_not_fit_the_map_are_refused(matrix):
    with pytest.raises(InputError, match="3 query and 4 key tokens"):
        heatmap_figure(matrix, QUERY, KEY, title="")
