"""The work on one shard: read, normalize, filter, hash. A pure function of shard and config, run in any process.

The outcome of every document is a row, dropped ones too: limits and duplicates are decided later, in the order of the
input, by the one process that sees all shards, and so never depend on how many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from lontar.core.config import JsonObject
from lontar.core.records import Document
from lontar.core.shards import write_jsonl
from lontar.data.config import BuildConfig, Source
from lontar.data.dedup import comparison_form, key_of
from lontar.data.documents import read_document, side
from lontar.data.filters import compiled, first_reason
from lontar.data.readers import BadInputError, Entry, entries
from lontar.data.sources import Shard
from lontar.data.tags import UNDETERMINED, language_of, tag_for_counts
from lontar.errors import DataError
from lontar.languages import Language


@dataclass(frozen=True, slots=True)
class Task:
    """One shard, its number, and where its outcomes go."""

    index: int
    shard: Shard
    config: BuildConfig
    target: Path


def work(task: Task) -> Task:
    """Write the outcomes of a shard; returns the task when they are written."""
    write_jsonl(task.target, outcomes(task.shard, task.config))
    return task


def outcomes(shard: Shard, config: BuildConfig) -> Iterator[JsonObject]:
    """One row for each document: `{lang, in, row, key, split}` when it may stay, `{lang, in, reason}` when not.

    `in` is its size: UTF-8 bytes of the text as read; for a line that could not be read, of the line.

    Raises:
        DataError: a line cannot be read and `on_error` is `stop`, or a file is damaged.
        LicenseError: a document has no license.
    """
    source = config.sources[shard.source]
    judge = _Judge(config)
    limit = Limit(source)
    for piece in shard.pieces:
        for entry in entries(source, piece):
            found = _outcome(entry, source, judge, limit, config)
            if found is not None:
                yield found
            elif source.lang is not None:  # every document is of the one language that has had enough
                return


def _outcome(entry: Entry, source: Source, judge: _Judge, limit: Limit, config: BuildConfig) -> JsonObject | None:
    """The outcome of one entry, or None when it lies beyond the limit."""
    try:
        doc, split = read_document(entry, source)
    except BadInputError as err:
        if config.on_error == "stop":
            raise err.plain() from err
        return {"lang": UNDETERMINED, "in": entry.bytes, "reason": err.reason, "error": err.message}
    lang = language_of(doc.lang)
    code = lang.code if lang else tag_for_counts(doc.lang)
    size = len(doc.text.encode("utf-8"))
    if lang is None and config.unknown_language == "stop":
        raise DataError(
            f"{entry.where}: no language file for {doc.lang!r}",
            hint="`lontar list languages` shows the known ones; add one, or set unknown_language: drop",
        )
    if source.langs is not None and code not in source.langs:
        return {"lang": code, "in": size, "reason": "not_selected"}
    if not limit.admits(code, size):
        return None
    base: JsonObject = {"lang": code, "in": size}
    if lang is None:
        return {**base, "reason": "unknown_language"}
    return {**base, **judge(replace(doc, lang=code), lang, split, entry.where)}


class _Judge:
    """Normalize a document and decide on it alone."""

    def __init__(self, config: BuildConfig) -> None:
        self._filters = compiled(config.filters)
        self._config = config

    def __call__(self, doc: Document, lang: Language, split: str | None, where: str) -> JsonObject:
        normal = lang.normalized(doc.text)
        form = comparison_form(normal)
        if not form:
            return {"reason": "no_letters"}
        if self._config.normalize == "language":
            doc = replace(doc, text=normal)
        if reason := first_reason(self._filters, doc, lang, where):
            return {"reason": reason}
        return {"row": doc.row(), "key": key_of(form).hex(), "split": split or side(self._config.heldout, doc, form)}


@dataclass
class Limit:
    """How much of each language a source may still give. A language that has had enough stays closed."""

    source: Source
    _docs: dict[str, int] = field(default_factory=dict)
    _bytes: dict[str, int] = field(default_factory=dict)
    _closed: set[str] = field(default_factory=set)

    def admits(self, lang: str, size: int) -> bool:
        """Count one more document of `size` bytes, unless it goes beyond the limit."""
        docs, total = self._docs.get(lang, 0) + 1, self._bytes.get(lang, 0) + size
        if lang in self._closed or _over(docs, self.source.limit_docs) or _over(total, self.source.limit_bytes):
            self._closed.add(lang)
            return False
        self._docs[lang], self._bytes[lang] = docs, total
        return True

    @property
    def exhausted(self) -> bool:
        """Nothing more can come: every language the source may give is closed."""
        possible = {self.source.lang} if self.source.lang else set(self.source.langs or ())
        return bool(possible) and possible <= self._closed


def _over(n: int, limit: int | None) -> bool:
    return limit is not None and n > limit
