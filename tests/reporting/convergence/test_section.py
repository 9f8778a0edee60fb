from pipeline.reporting.blocks import Picture, Table, Text
from pipeline.reporting.convergence.section import JUDGED_TABLE, section


def test_20_steps_are_judged_first_and_their_references_doubted(report_context):
    blocks = section(report_context).blocks
    judged = next(block for block in blocks if isinstance(block, Table))
    assert judged.caption == JUDGED_TABLE
    assert {row["n"] for row in judged.rows} == {128}
    assert len(judged.rows) == 4
    text = " ".join(block.text for block in blocks if isinstance(block, Text))
    assert "is 0.0001 of the scores" in text
    assert "at most 96 steps" in text
    assert "12 dev examples per model" in text
    picture = next(block for block in blocks if isinstance(block, Picture))
    assert "examples within 5 % edge error, 20 right steps 98.5" in picture.alt
