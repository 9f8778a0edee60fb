import dataclasses
import re
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from markdown_it import MarkdownIt
from views_by_hand import random_view

from attattr.viewer.pack import packed
from pipeline.report import LARGEST
from pipeline.reporting import page as page_module
from pipeline.reporting.blocks import Html, Section, Tabs, Text
from pipeline.reporting.page import LONG_TABLE, render_html, render_markdown
from pipeline.reporting.prune.tables import model_rows
from pipeline.values.paths import SOURCE

VOID = {"meta", "img", "input"}


def with_results(context, **changes):
    """The context with other records, by experiment."""
    return dataclasses.replace(context, records={**context.records, **changes})


class Page(HTMLParser):
    """Checks that tags are nested, and collects what the tests look at."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]


def test_the_page_is_nested_and_loads_nothing(report_context):
    html = render_html(report_context)
    page = Page(html)
    assert all(source.startswith("data:image/svg+xml,") for source in page.values("src"))
    anchors = page.values("id")
    assert len(set(anchors)) == len(anchors)
    assert set(page.values("href")) == {f"#{anchor}" for anchor in anchors}
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_viewer_is_in_the_page_and_a_link_to_it_in_the_text(report_context):
    context = dataclasses.replace(report_context, examples=packed([random_view(1)]))
    html = render_html(context)
    assert html.count('<div class="viewer">') == html.count('<script type="application/json"') == 1
    assert html.count("<script") == 2
    assert "](index.html#examples)" in render_markdown(context)
    assert "<script" not in render_html(report_context)


def test_figures_are_embedded_whole_and_described(report_context):
    images = [attrs for tag, attrs in Page(render_html(report_context)).tags if tag == "img"]
    alternatives = {}
    for image in images:
        inside = ElementTree.fromstring(unquote(image["src"].split(",", 1)[1]))
        assert inside.attrib == {"width": "36pt", "height": "18.6pt"}
        name = inside.text
        # Five pixels for three points.
        assert (image["width"], image["height"]) == ("60", "31")
        alternatives[name] = image["alt"]
    assert len(images) == len(alternatives)  # none is there twice
    assert set(alternatives) == set(report_context.figures)
    described = {
        "effectiveness": "area, attribution_gold",
        "pruning": "the auc/attribution/none 80.0",
        "recovered": "recovered/tree 0.25, recovered/random 0.25, threshold with the largest excess 0.30",
        "convergence": "20 right steps 98.50",
        "completeness": "seed 1: 0.12",
        "truth": "auroc/pairs/gradient_x_attention 0.88",
        "truth_precision": "average_precision/pairs/attribution 0.38",
        "truth_groups": "the lost/attribution 2.50",
        "randomised": "the randomised/attribution 0.06",
        "planted_paths": "the auroc/attribution 0.75",
        "planted_example": "the true path",
        "shortcut": "the first/attention 0.50",
        "shortcut_pruned": "the regained/attribution 0.12",
    }
    for name, words in described.items():
        assert words in alternatives[name]


def test_text_from_outside_is_escaped(report_context):
    html = render_html(report_context)
    assert "<h1>Attribution &lt;mini&gt;</h1>" in html
    assert "bert &amp; co" in html
    page = MarkdownIt("commonmark").render(render_markdown(report_context))
    assert "<h1>Attribution &lt;mini&gt;</h1>" in page
    assert "bert &amp; co" in page


@pytest.mark.parametrize("render", [lambda context: Page(render_html(context)).text, render_markdown])
def test_the_report_says_what_was_run(report_context, render):
    text = render(report_context)
    for value in (
        "mini",
        "4 layers of 4 heads",
        "6,000",
        "1,000",
        "finetune.epochs",
        "model.name",
        "null",
    ):
        assert value in text
    for choice in ("attribute.mine_min_tokens.sst2", "confidence", "convergence.top_k"):
        assert choice in text
    # Neither a derived path nor what cannot change a result is a choice.
    assert "some/path" not in text
    assert "figures.dpi" not in text
    assert "none is overridden" not in text
    assert "none is overridden" in render(dataclasses.replace(report_context, overrides=[]))


def test_both_forms_hold_every_table_and_section(report_context):
    html, markdown = Page(render_html(report_context)), render_markdown(report_context)
    headings = re.findall(r"^## (.+)$", markdown, flags=re.MULTILINE)
    assert headings[:4] == ["Claims", "What was found", "Examples", "What was run"]
    assert {"Attribution trees", "Choices that the paper leaves open"} <= set(headings)
    assert all(heading in html.text for heading in headings)
    rows = sum(tag == "tr" for tag, _ in html.tags)
    # Markdown has a rule under each head.
    tables = sum(tag == "table" for tag, _ in html.tags)
    assert len(re.findall(r"^\|", markdown, flags=re.MULTILINE)) == rows + tables
    assert rows > len(model_rows(report_context.records["prune"]))
    assert "1.50 [0.50, 2.50]" in markdown
    assert "1.50 [0.50, 2.50]" in html.text


def test_markdown_links_the_figures_and_has_no_gaps(report_context):
    markdown = render_markdown(report_context)
    linked = re.findall(r"^!\[.+\]\(\.\./figures/(.+)\.svg\)$", markdown, flags=re.MULTILINE)
    assert sorted(linked) == sorted(report_context.figures)
    assert "](here/pruning.svg)" in render_markdown(dataclasses.replace(report_context, figure_folder="here"))
    assert "\n\n\n" not in markdown
    assert markdown.endswith("```\n")


def test_the_words_fit_the_run(report_context):
    text = render_markdown(report_context)
    assert (
        "This is a smoke run, which shows directions only: it has 1 model per task, and a verdict needs three" in text
    )
    assert "4 heads per layer" in text
    assert "200 training examples that are neither trained on nor evaluated" in text
    assert "negation (n = 1,000) ±0.4" in text

    deeper = [record | {"n_heads": 12} for record in report_context.records["effectiveness"]]
    three = [record | {"seed": seed} for record in report_context.records["finetune"] for seed in (1, 2, 3)]
    parameters = {
        **report_context.parameters,
        "prepare": {**report_context.parameters["prepare"], "protocol": "authors"},
    }
    other = render_markdown(
        dataclasses.replace(
            with_results(report_context, effectiveness=deeper, finetune=three), seeds=[1, 2, 3], parameters=parameters
        )
    )
    assert "smoke run" not in other
    assert "heads per layer where" not in other
    assert "200 dev examples, as in the authors' code" in other


def section(text, heading):
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_the_error_of_attribution_is_reported(report_context):
    error = section(render_markdown(report_context), "How exact the attribution is")
    assert "On 12 dev examples per model" in error
    assert "96 Gauss-Legendre nodes in float64" in error
    assert "Largest gaps: negation, seed 1: 0.12." in error
    order = [
        "The figure of convergence stands at P1.",
        "`steps: auto` on the same examples",
        "](../figures/completeness.svg)",
    ]
    assert sorted(order, key=error.index) == order


def test_the_report_opens_with_a_line_per_claim(report_context):
    markdown = render_markdown(report_context)
    claims, details = section(markdown, "Claims"), section(markdown, "What was found")
    judged = report_context.records["claims"]
    lines = [line for line in claims.splitlines() if line.startswith("| ")][2:]
    assert [line.split("|")[1].strip() for line in lines] == [claim["id"] for claim in judged]
    (row,) = (line for line in lines if line.startswith("| P4a"))
    primary = next(claim for claim in judged if claim["id"] == "P4a")["tasks"][0]["primary"][0]
    value = f"{primary['value']:.1f} [{primary['low']:.1f}, {primary['high']:.1f}] points"
    assert all(words in row for words in (value, "open on 1 of 1", "at least as good as by Taylor"))
    assert judged[0]["digest"][:16] in claims
    # A claim without a task in this run has no page.
    assert "### P4a: pruning by attribution is at least as good as by Taylor\n" in details
    assert "Rule of 2026-11-30: above -3." in details
    assert "1 model, and a verdict needs 3" in details
    assert "P5" not in details


def test_verdicts_of_several_models_are_shown(report_context, judged):
    markdown = render_markdown(with_results(report_context, claims=judged(3)))
    (row,) = (line for line in section(markdown, "Claims").splitlines() if line.startswith("| P4a"))
    assert "reproduced on 1 of 1" in row
    assert "models and examples" in section(markdown, "What was found")


def test_a_weak_model_and_a_sample_are_pointed_out(report_context):
    text = render_markdown(report_context)
    assert "learned too little" not in text
    classes = {"no": {"accuracy": 0.5, "low": 0.25, "high": 0.75, "n": 400}}
    classes["yes"] = classes["no"] | {"n": 600}
    weak = [record | {"accuracy": 0.64, "per_class": classes} for record in report_context.records["finetune"]]
    other = render_markdown(with_results(report_context, finetune=weak))
    assert (
        "negation: the models' mean accuracy, 64.0%, is not three standard errors above the majority class's 60.0%"
        in other
    )
    # 0.646 is 3.04 standard errors above 0.6.
    better = [record | {"accuracy": 0.646} for record in weak]
    assert "learned too little" not in render_markdown(with_results(report_context, finetune=better))


def test_rendering_twice_gives_the_same_bytes(report_context):
    assert render_html(report_context) == render_html(report_context)
    assert render_markdown(report_context) == render_markdown(report_context)


def radio_groups(page):
    """The names of the groups of tabs, and of each how many of its tabs are chosen."""
    chosen = {}
    for tag, attrs in page.tags:
        if tag == "input":
            chosen[attrs["name"]] = chosen.get(attrs["name"], 0) + ("checked" in attrs)
    return chosen


def test_a_long_table_is_shown_task_by_task_and_loses_no_row(report_context, effectiveness_statistics):
    def shown(count):
        rows = effectiveness_statistics(tasks=["rte", "mnli"])
        rows = [row for task in ("rte", "mnli") for row in [r for r in rows if r["task"] == task][:count]]
        context = dataclasses.replace(report_context, statistics={**report_context.statistics, "effectiveness": rows})
        page = Page(render_html(context))
        return page, render_markdown(context), [row["label"] for row in rows]

    short, _, _ = shown(LONG_TABLE)
    long, markdown, labels = shown(LONG_TABLE + 1)
    assert len(radio_groups(long)) == len(radio_groups(short)) + 1
    assert set(radio_groups(long).values()) == {1}
    assert {"RTE", "MNLI"} <= {word.strip() for word in long.words}
    # In Markdown it stays one table.
    for label in set(labels):
        assert long.text.count(f" {label} ") == markdown.count(f"| {label} ") == 2


def test_every_claim_with_a_task_is_found_and_in_the_contents(report_context):
    page = Page(render_html(report_context))
    with_task = [claim["id"] for claim in report_context.records["claims"] if claim["tasks"]]
    assert len(with_task) > 1
    assert [anchor.removeprefix("claim-") for anchor in page.values("id") if "claim-" in anchor] == with_task
    named = [word.strip() for word in page.words if word.strip() in with_task]
    assert named == [*with_task, *with_task]  # the contents, and the lines of the table


def test_a_figure_of_several_claims_stands_at_the_first(report_context):
    (claim,) = (one for one in report_context.records["claims"] if one["id"] == "P4a")
    claims = [claim, claim | {"id": "P4b"}]
    found = section(render_markdown(with_results(report_context, claims=claims)), "What was found")
    first, other = found.split("### P4b")
    assert "](../figures/pruning.svg)" in first
    assert "](../figures/pruning.svg)" not in other
    assert "The figure of pruning stands at P4a." in other


def test_every_figure_names_its_stage_and_the_command_that_draws_it(report_context):
    stages = set(yaml.safe_load((SOURCE / "dvc.yaml").read_text())["stages"])
    page, markdown = Page(render_html(report_context)).text, render_markdown(report_context)
    for text, quote in ((page, " *"), (markdown, "`")):
        drawn = "drawn by 'python -m pipeline.commands.figure (\\w+)' in '([\\w/]+.py)', commit 0a1b2c3 of 2026-12-01"
        said = re.findall(f"Measured by 'dvc repro (\\w+)', {drawn}".replace("'", quote), text)
        assert sorted(name for _, name, _ in said) == sorted(report_context.figures)
        assert {stage for stage, _, _ in said} <= stages
        for _, name, script in said:
            # Figures of single examples are named by their task.
            assert f'"{name.replace("negation", "")}' in (SOURCE / script).read_text()


def test_the_report_says_of_which_commit_it_is_and_is_silent_where_nobody_knows(report_context):
    assert Page(render_html(report_context)).text.count("Commit 0a1b2c3 of 2026-12-01") == 1
    assert "\n\nCommit 0a1b2c3 of 2026-12-01\n\n" in render_markdown(report_context)
    assert "ommit 0" not in render_markdown(dataclasses.replace(report_context, made=""))


def test_long_tables_of_experiments_are_folded_under_what_they_show(report_context):
    rows = [row for row in report_context.statistics["effectiveness"] if row["name"].startswith("area/")]
    html = render_html(report_context)
    folded = '<details class="fold">\n<summary>Areas between the curves.</summary>'
    assert len(rows) > LONG_TABLE
    assert html.count(folded) == 1
    few = {**report_context.statistics, "effectiveness": rows[:LONG_TABLE]}
    assert folded not in render_html(dataclasses.replace(report_context, statistics=few))


def test_markup_goes_into_the_page_as_it_is_and_markdown_links_to_it(report_context, monkeypatch):
    block = Html("<div class='odd'>5 < 6</div>", "What `it` shows.")
    # Of one panel there is nothing to choose.
    section = Section("odd", "Odd", [Tabs("task", {"only": [Text("alone")]}), block])
    monkeypatch.setattr(page_module, "run_section", lambda _: section)
    html, markdown = render_html(report_context), render_markdown(report_context)
    assert block.markup in html
    assert "What <code>it</code> shows." in html
    assert "\n*What `it` shows.* [It is on the page.](index.html#odd)\n" in markdown
    assert block.markup not in markdown
    odd = html[html.index('id="odd"') : html.index(block.markup)]
    assert "alone" in odd
    assert "<input" not in odd


@pytest.mark.parametrize("run", ["mini", "rehearsal"])
def test_kept_pages_are_small_enough_for_browsers_and_mail(run):
    page = SOURCE / "results" / run / "outputs/report/index.html"
    assert page.stat().st_size < LARGEST / 2  # twice as many tasks would fit
