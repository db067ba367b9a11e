"""The work on one shard: read, normalize, filter, hash. A pure function of shard and config, run in any process.

The outcome of every document is a row, dropped ones too: limits and duplicates are decided later, in the order of the
input, by the one process that sees all shards, and so never depend on how many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lontar.core.config import JsonObject
from lontar.core.records import Document
from lontar.core.shards import write_jsonl
from lontar.data.config import BuildConfig, Source
from lontar.data.decisions import excerpt
from lontar.data.dedup import key_of
from lontar.data.documents import read_document, side
from lontar.data.filters import compiled, first_reason
from lontar.data.maskers import mask, used
from lontar.data.readers import BadInputError, Entry, entries
from lontar.data.sources import Shard
from lontar.data.tags import UNDETERMINED, language_of, tag_for_counts
from lontar.errors import DataError
from lontar.languages import Language
from lontar.text import letters_form, normalize_counted


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

    `in` is its size: UTF-8 bytes of the text as read; for a line that could not be read, of the line. As the config
    asks: `id` and `excerpt` of a document that does not stay, `edits` and `minhash` of one that may.

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
        told = {"id": entry.locator, "excerpt": ""} if config.decisions != "none" else {}
        return {"lang": UNDETERMINED, "in": entry.bytes, "reason": err.reason, "error": err.message, **told}
    lang = language_of(doc.lang)
    code = lang.code if lang else tag_for_counts(doc.lang)
    size = len(doc.text.encode("utf-8"))
    if lang is None and config.unknown_language == "stop":
        raise DataError(
            f"{entry.where}: no language file for {doc.lang!r}",
            hint="`lontar list languages` shows the known ones; add one, or set unknown_language: drop",
        )
    base: JsonObject = {"lang": code, "in": size}
    if source.langs is not None and code not in source.langs:
        return {**base, **judge.drop("not_selected", doc)}
    if not limit.admits(code, size):
        return None
    if lang is None:
        return {**base, **judge.drop("unknown_language", doc)}
    return {**base, **judge(replace(doc, lang=code), lang, split, entry.where)}


class _Judge:
    """Normalize a document, decide on it alone, and mask what is personal."""

    def __init__(self, config: BuildConfig) -> None:
        self._filters = compiled(config.filters)
        self._maskers = used(config.mask)
        self._config = config

    def __call__(self, doc: Document, lang: Language, split: str | None, where: str) -> JsonObject:
        normal, edits = self._normalized(doc.text, lang)
        form = letters_form(normal)
        if not form:
            return self.drop("no_letters", doc)
        kept = replace(doc, text=normal) if self._config.normalize == "language" else doc
        if reason := first_reason(self._filters, kept, lang, where, raw=doc):
            return self.drop(reason, doc)
        if self._maskers:
            text, masked = mask(kept.text, self._maskers)
            kept, edits = replace(kept, text=text), {**edits, **masked}
            form = letters_form(mask(normal, self._maskers)[0])
        found: JsonObject = {"row": kept.row(), "key": key_of(form).hex()}
        found["split"] = split or side(self._config.heldout, kept, form)
        if edits:
            found["edits"] = dict(edits)
        if self._config.near_duplicates is not None:
            from lontar.data.near import sketch  # numpy, which listing stages need not wait for

            found["minhash"] = sketch(form)
        return found

    def drop(self, reason: str, doc: Document) -> JsonObject:
        """The outcome of a document that does not stay."""
        if self._config.decisions == "none":
            return {"reason": reason}
        return {"reason": reason, "id": doc.id, "excerpt": excerpt(mask(doc.text, self._maskers)[0])}

    def _normalized(self, text: str, lang: Language) -> tuple[str, Mapping[str, int]]:
        """The normal form, and what changed where that is told."""
        found = normalize_counted(text, lang.normalize)
        told = self._config.decisions == "all" and self._config.normalize == "language"
        return found.text, found.edits if told else {}


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
