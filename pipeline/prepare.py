"""Split and tokenise one task's examples.

Reads:  the task's raw rows (planted grammar, folder or hub); the model's tokenizer
Writes: outputs/data/<task>-<seed>/{train,dev,importance,heldout}.parquet, tokenizer/, prepare.json
Run:    python -m pipeline.prepare task=<task> seed=<seed>
"""

import logging
from dataclasses import asdict
from itertools import chain

from pipeline.errors import InputError
from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder

log = logging.getLogger(__name__)


def main(config: StageConfig) -> None:
    """Carve the samples, tokenise them and write them."""
    from pipeline.data.checkpoint import max_positions
    from pipeline.data.sources import load_rows
    from pipeline.data.splits import split
    from pipeline.data.tokenise import digest, load_tokenizer, save_tokenizer, tokenise
    from pipeline.data.vocabulary import check_known, check_read
    from pipeline.values.store import write_json, write_rows

    task, seed, settings = config.task, config.seed, config.prepare
    positions = max_positions(config.model, task, seed)
    if positions is not None and settings.max_length > positions:
        raise InputError(f"prepare.max_length is {settings.max_length}, but the model has {positions} positions")
    tokenizer = load_tokenizer(config.model, task, seed)
    splits = split(load_rows(config.data, config.entry), config.entry, settings, seed=seed)
    named, examples, truncated = asdict(splits), {}, {}
    for name in ("train", "dev", "importance", "heldout"):
        examples[name], truncated[name] = tokenise(named[name], tokenizer, config.entry, max_length=settings.max_length)
        if truncated[name]:
            log.warning("%s %s: %d texts are cut to %d tokens", task, name, truncated[name], settings.max_length)
        check_read(named[name], examples[name], config.entry)
    check_known(chain(*examples.values()), tokenizer, task, most=settings.max_unknown)
    folder = data_folder(config.output_root, task, seed)
    for name, rows in examples.items():
        write_rows(folder / f"{name}.parquet", rows)
    summary: dict[str, object] = {"task": task, "protocol": settings.protocol, "max_length": settings.max_length}
    summary |= {
        "examples": {name: len(rows) for name, rows in examples.items()},
        "truncated": truncated,
        "digests": {name: digest(rows) for name, rows in examples.items()},
        "dropped_duplicates": splits.dropped_duplicates,
    }
    save_tokenizer(tokenizer, folder / "tokenizer")
    write_json(folder / "prepare.json", summary)


if __name__ == "__main__":
    run_stage("prepare", main)
