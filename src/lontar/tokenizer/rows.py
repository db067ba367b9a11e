"""Rows of new tokens that take a running model to make: learned by distillation, or combined by matching pursuit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lontar.core.artifact import Corpus
from lontar.core.job import Job
from lontar.errors import ConfigError, DataError
from lontar.models.files import read_json
from lontar.models.load import open_model
from lontar.models.weights import read_index, read_tensors
from lontar.text import normalize
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.distill import Settings, distill
from lontar.tokenizer.passages import choose
from lontar.tokenizer.resize import INPUT, OUTPUT, Growth, growing, is_tied, method_of
from lontar.tokenizer.resize_config import ResizeConfig
from lontar.tokenizer.sparse import contextual

Made = Mapping[str, Any]
"""rows [N, D] of the new ids in ascending order, by `input` and `output`"""


@dataclass(frozen=True)
class Change:
    """A model and the tokenizer it gets."""

    source: Path
    old: Bpe
    new: Bpe
    growth: Growth
    start: int | None
    """token that texts begin with under the new tokenizer"""
    normalization: Sequence[str]
    """of the new model, by name"""

    @property
    def tied(self) -> bool:
        """Whether one matrix serves as input and output."""
        return is_tied(read_json(self.source / "config.json"), read_index(self.source))

    def matrices(self) -> dict[str, Any]:
        """The model's matrices with one row per token, by `input` and `output`; no output where it is the input."""
        found = {}
        for name in growing(self.source, read_index(self.source), self.growth.old_rows):
            side = "output" if name.endswith(OUTPUT) else "input"
            if side == "input" or not self.tied:
                found[side] = next(value for _, value in read_tensors(self.source, [name]))
        return found


def made_rows(job: Job, change: Change, config: ResizeConfig, corpus: Corpus | None) -> Made:
    """Rows of `omp` and `distill`; nothing for methods that need no running model.

    Raises:
        ConfigError: `distill` without a corpus.
        DataError: its text shows none of the new tokens.
    """
    if config.method == "distill":
        return _distilled(job, change, config, _required(corpus))
    if config.method != "omp" or not change.growth.pieces:
        return {}
    loaded = open_model(change.source, device=job.resources.device)
    with job.progress.task("combine rows", total=1, unit="steps") as task:
        rows = contextual(loaded.model, loaded.start_id, change.growth.pieces, change.old, config.atoms).cpu()
        task.advance()
    return {"input": rows}


def _required(corpus: Corpus | None) -> Corpus:
    if corpus is None:
        raise ConfigError(
            "method: distill learns rows from text, and no corpus is given",
            hint="give one (--corpus PATH; in a recipe `inputs: {corpus: NAME}`), or take method=mean",
        )
    return corpus


def _distilled(job: Job, change: Change, config: ResizeConfig, corpus: Corpus) -> Made:
    loaded = open_model(change.source, device=job.resources.device)
    starts = (loaded.start_id, None if loaded.start_id is None else change.start)
    ids, most = sorted(change.growth.pieces), config.steps * config.batch
    texts = in_turn(corpus, change.normalization)
    passages = choose(texts, change.old, change.new, ids, most, config.passage_chars, starts)
    if not passages:
        raise DataError(
            f"{corpus.path}: no train document shows any of the {len(ids)} new tokens",
            hint="give text in the languages that the tokenizer was made for, or take method=mean",
        )
    sides = change.matrices()
    matrices = {
        side: change.growth.grown(m, method_of(OUTPUT if side == "output" else INPUT, change.tied, config), job.seed)
        for side, m in sides.items()
    }
    settings = Settings(config.steps, config.batch, config.rate, job.seed, job.resources.threads)
    with job.progress.task("distill rows", total=config.steps, unit="steps") as task:
        found = distill(
            loaded.model, passages, ids, (matrices["input"], matrices.get("output")), settings, task.advance
        )
    job.metric(
        **{"distill.tokens": found.shown, "distill.passages": len(passages)},
        **{"distill.loss.first": found.first, "distill.loss.last": found.last},
    )
    return {
        side: rows for side, rows in (("input", found.rows.input), ("output", found.rows.output)) if rows is not None
    }


def in_turn(corpus: Corpus, names: Sequence[str]) -> Iterator[str]:
    """Train documents, normalized, one of each language in turn: what is read of them is shared out evenly."""
    by_language = [(doc.text for doc in corpus.documents("train", [lang])) for lang in corpus.langs("train")]
    for row in zip_longest(*by_language):
        yield from (normalize(text, names) for text in row if text is not None)
