"""How to cite the method, and where the software says how to cite it."""

from pipeline.reporting.blocks import Code, ReportContext, Section, Text

PAPER = """\
@inproceedings{hao2021selfattention,
  title     = {Self-Attention Attribution: Interpreting Information Interactions Inside Transformer},
  author    = {Hao, Yaru and Dong, Li and Wei, Furu and Xu, Ke},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  volume    = {35},
  number    = {14},
  pages     = {12963--12971},
  year      = {2021},
  doi       = {10.1609/aaai.v35i14.17533}
}"""


def citation_section(_context: ReportContext) -> Section:
    """The paper in BibTeX; the same for every run."""
    please = "Please cite the paper whose method and experiments these are; `CITATION.cff` says how to cite the code."
    return Section("citation", "How to cite", [Text(please), Code(PAPER)])
