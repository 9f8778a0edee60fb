import dataclasses

from pipeline.reporting.blocks import Table, Text
from pipeline.reporting.finetune.section import section


def texts(context):
    return " ".join(block.text for block in section(context).blocks if isinstance(block, Text))


def captions(context):
    return [block.caption for block in section(context).blocks if isinstance(block, Table)]


def with_model(context, **changes):
    (record,) = context.records["finetune"]
    return dataclasses.replace(context, records={**context.records, "finetune": [record | changes]})


def test_a_model_near_its_majority_class_is_named(report_context):
    """The majority class has 400 of the 1,000 examples, and one standard error of 40 % is 1.5 points."""
    assert "learned too little" not in texts(report_context)
    near = texts(with_model(report_context, accuracy=0.44))
    assert (
        "negation: the models' mean accuracy, 44.0%, is not three standard errors above the majority class's 40.0%"
        in near
    )
    assert "learned too little" not in texts(with_model(report_context, accuracy=0.45))


def test_samples_smaller_than_dev_have_a_table(report_context):
    def on(n):
        (one, *_), models = report_context.statistics["effectiveness"], report_context.statistics["finetune"]
        statistics = {"finetune": models, "effectiveness": [one | {"n": n}]}
        return dataclasses.replace(report_context, statistics=statistics)

    assert len(captions(on(60))) == len(captions(on(1000))) + 1
