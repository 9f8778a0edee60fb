from pipeline.reporting.blocks import Picture, Table, Text
from pipeline.reporting.effectiveness.section import section


def test_the_section_shows_both_figures_and_every_statistic_once(report_context):
    blocks = section(report_context).blocks
    assert [block.name for block in blocks if isinstance(block, Picture)] == ["effectiveness", "effectiveness_areas"]
    curves = next(block for block in blocks if isinstance(block, Picture))
    assert "area, random 0.0, area, loss_difference 10.0" in curves.alt
    shown = [row["statistic"] for block in blocks if isinstance(block, Table) for row in block.rows]
    assert shown == [one["label"] for one in report_context.statistics["effectiveness"]]
    said = [block.text for block in blocks if isinstance(block, Text)]
    # By the gold label none is said to lead, whatever its area.
    assert said[1].startswith(
        "Largest area among the rankings that do not see the gold label, in points, first by value: "
    )
    assert "gold label 1" not in said[1]
    assert "4 heads per layer" in " ".join(block.text for block in blocks if isinstance(block, Text))
