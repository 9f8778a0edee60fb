"""What the run decides of the paper's claims and of a review's objections."""

from pipeline.reporting.blocks import ReportContext, Section, Table, Text
from pipeline.reporting.claims.tables import claim_rows

INTRO = (
    "P1 to P8 are claims of the paper, R1 to R5 objections of a review of it. Each row has a statistic, its value with "
    "a 95 % interval, and the verdict of a rule: reproduced (upheld) where the whole interval is on one side of the "
    "limit, not reproduced (not upheld) where it is on the other, else undecided at this sample size. When each rule "
    "was written, and what had been seen by then, is in results/README.md. R5, that details are missing, is answered "
    "by the table of choices below."
)


def section(context: ReportContext) -> Section:
    """The verdicts."""
    rows = claim_rows(context.records["claims"])
    return Section("claims", "Claims", [Text(INTRO), Table("Claims and verdicts.", rows)])
