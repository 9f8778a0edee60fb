from pipeline.reporting.blocks import Table, Text
from pipeline.reporting.shortcut.section import section


def test_who_names_the_word_first_is_said_first(report_context):
    blocks = section(report_context).blocks
    texts = [block.text for block in blocks if isinstance(block, Text)]
    assert texts[0] == (
        "The planted word first, % of examples, first by value: negation: attention 0.50, attribution 0.25."
    )
    assert "put into 40% of one class's training rows, and 2 decoys, of no text either" in texts[1]
    assert "The words: negation, seed 1, “wug” (decoys “dax”, “fep”)." in texts[1]
    assert "names it in one of 3." in texts[1]
    assert [len(block.rows) for block in blocks if isinstance(block, Table)] == [1, 4, 1]
