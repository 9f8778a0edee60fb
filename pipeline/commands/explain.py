"""Explain what a classifier says of a text of your own.

Which attention edges carry it: as text, as a page, or as JSON. Without --model it is the newest fine-tuned model of
outputs/. A file of texts is read line by line; with --pair its lines are pairs, separated by a tab.

Run: python -m pipeline.commands.explain "a gorgeous, witty, seductive movie" --html movie.html
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attattr.viewer.checks import check_text
from pipeline.errors import InputError, refused
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.values.targets import check_file, identity, is_standard_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attattr.output import Output
    from attattr.viewer.texts import Text
    from attattr.viewer.view import View

MOST_ON_A_PAGE = 200  # texts
SEED = 1  # of the random trees
STANDARD_INPUT = Path("-")


def main(arguments: list[str] | None = None) -> None:
    """Load the model, explain, print, write."""
    run_command(_parser(), _load_and_explain, arguments, folder=Path.cwd)  # texts and models are the caller's


def _load_and_explain(options: argparse.Namespace) -> None:
    texts = _texts(options)
    _check(options, texts)
    from pipeline.commands.explaining.locate import locate

    name = locate(options.model, texts=1 if isinstance(texts[0], str) else 2)
    from pipeline.commands.explaining.load import load  # takes seconds

    model, tokenizer = load(name)
    from pipeline.exporting.left import pruned_words

    if words := pruned_words(model.config):
        sys.stderr.write(f"{name}: {words}\n")
    _explain(options, texts, model, tokenizer, name)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("explain", __doc__)
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text to explain")
    parser.add_argument(
        "--pair", nargs="?", const=True, metavar="TEXT", help="its second text; with --file: a pair a line"
    )
    parser.add_argument(
        "--file", type=Path, help="one text a line, or with --pair two, separated by a tab; - reads standard input"
    )
    parser.add_argument("--model", metavar="NAME", help="a folder or a hub id; default: the newest model of outputs/")
    parser.add_argument(
        "--target",
        metavar="CLASS",
        help="the class, label or value that is explained, by name or number; default: the likeliest, or the largest",
    )
    parser.add_argument(
        "--output",
        choices=("probability", "logit", "log_probability", "margin"),
        help="what of the class: default its probability; labels and values have their logit alone",
    )
    parser.add_argument("--tau", type=float, default=0.4, help="the tree's threshold; default 0.4")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the viewer, a page that loads nothing")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write predictions, convergence, heads, trees, edges")
    return parser


def _texts(options: argparse.Namespace) -> list[Text]:
    if (options.text is None) == (options.file is None):
        raise InputError("give one text, or --file with a text a line")
    if options.file is None:
        if options.pair is True:
            raise InputError("--pair has no text: give the second text behind it")
        check_text(options.text, name="the text")
        if options.pair is None:
            return [options.text]
        check_text(options.pair, name="the text of --pair")
        return [(options.text, options.pair)]
    if isinstance(options.pair, str):
        raise InputError("--pair has a text, but with --file each line holds both, separated by a tab")
    with refused(f"--file {options.file} cannot be read", remedy="give a text file in UTF-8"):
        read = sys.stdin.buffer.read if options.file == STANDARD_INPUT else options.file.read_bytes
        content = read().decode("utf-8-sig")
    if "\r" in content.strip() and "\n" not in content:
        raise InputError(f"--file {options.file} ends its lines with carriage returns alone: end them with line feeds")
    # At line feeds alone: a text may hold other characters at which `splitlines` splits, and so does a file of text.
    lines = [line.removesuffix("\r") for line in content.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InputError(f"--file {options.file} is empty: give one text a line")
    for number, line in enumerate(lines, start=1):
        check_text(line, name=f"{options.file}, line {number}")
    return lines if options.pair is None else [_pair(options.file, *line) for line in enumerate(lines, start=1)]


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) != 2 or not all(part.strip() for part in parts):
        raise InputError(f"{path}, line {number} is no pair: it must hold two texts with a tab between them")
    return parts[0], parts[1]


def _check(options: argparse.Namespace, texts: Sequence[Text]) -> None:
    if not 0 <= options.tau < 1:
        raise InputError(f"--tau is {options.tau}, but must be at least 0 and below 1")
    if options.html and len(texts) > MOST_ON_A_PAGE:
        raise InputError(f"--html would show {len(texts)} texts, at most {MOST_ON_A_PAGE} fit a page: use --json")
    for out in _outputs(options):
        check_file(out)
    given = [identity(path) for path in (options.file, *_outputs(options)) if path is not None]
    if len(set(given)) < len(given):
        raise InputError("--file, --html and --json name the same file: give each its own")


def _outputs(options: argparse.Namespace) -> list[Path]:
    return [path for path in (options.html, options.json) if path is not None]


def _explain(
    options: argparse.Namespace,
    texts: Sequence[Text],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    name: str,
) -> None:
    from attattr.explanations import TITLE
    from attattr.tree import attribution_tree
    from attattr.viewer.characters import printable
    from attattr.viewer.kinds import kind_of, name_of
    from attattr.viewer.measure import explained, named, with_trees
    from attattr.viewer.pack import packed
    from attattr.viewer.page import viewer_page
    from attattr.viewer.record import record, written
    from attattr.viewer.shares import carried_by, with_shares
    from attattr.viewer.text import corpus_text, whole_text
    from attattr.viewer.texts import default_output, to_examples, with_words
    from pipeline.exporting.left import pruned_words
    from pipeline.terminal.progress import bar
    from pipeline.values.store import replace

    # What is printed would be mixed up with a page or JSON that goes to the same place.
    terminal = sys.stderr if any(map(is_standard_output, _outputs(options))) else sys.stdout
    examples = to_examples(model, tokenizer, texts)
    target = _target(options.target, model)
    output: Output = options.output or default_output(model)
    kind = kind_of(model)
    common = {"model": name, "output": name_of(output, kind)}
    views: dict[int, View] = {}
    records: dict[int, dict[str, Any]] = {}
    unknown = 0
    found = explained(model, examples, target=target, whole=options.html is not None, options={"output": output})
    with bar(total=len(examples), description="explain", unit="texts") as drawn:
        for place, light in found:
            view = with_words(named(light, tokenizer, examples[place]), tokenizer, texts[place])
            unknown += len(view.unknown)
            tree = attribution_tree(view.explanations[0].head_sum, tau=options.tau)
            records[place] = record(view, texts[place], tree)
            if options.html is not None:
                views[place] = with_shares(with_trees(view), model, examples[place], seed=SEED)
            if len(texts) == 1:
                carried = carried_by(tree, view.explanations[0], model, examples[place], seed=SEED)
                terminal.write(whole_text(view, tree, tau=options.tau, title=name, carried=carried))
            drawn.update()
    ordered = [records[place] for place in range(len(texts))]
    if len(texts) > 1:
        tokens = sum(len(example.own) for example in examples)
        terminal.write(corpus_text(ordered, **common, unknown=unknown, tokens=tokens))
    if options.html is not None:
        title = ": ".join(filter(None, (TITLE, pruned_words(model.config))))
        page = viewer_page(packed([views[place] for place in range(len(texts))]), title=title, tau=options.tau)
        replace(options.html, page.encode())
        if options.html.is_file():
            terminal.write(f"\n{printable(str(options.html))}: open it in a browser\n")
    if options.json is not None:
        content = written(ordered, **common, kind=kind, tau=options.tau)
        replace(options.json, content.encode())


def _target(asked: str | None, model: PreTrainedModel) -> int | Any:
    """The class of that name or number; "predicted" where none is asked for."""
    if asked is None:
        return "predicted"
    names = {int(label): str(name) for label, name in (model.config.id2label or {}).items()}
    found = [label for label, name in names.items() if name == asked]
    found = found or [label for label, name in names.items() if name.casefold() == asked.casefold()]
    if not found and asked.isdecimal() and int(asked) < (model.config.num_labels or 0):
        found = [int(asked)]
    if len(found) != 1:
        raise InputError(f"--target is {asked}, but the model's classes are {', '.join(names.values())}")
    return found[0]


if __name__ == "__main__":
    main()
