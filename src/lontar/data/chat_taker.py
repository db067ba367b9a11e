"""The decision on each chat: read, check, normalize, compare with those before it, store or count why not.

A chat travels the way of a document whose text is all that is said in it: the same places for language, source,
license and side of the split, the same limits and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lontar.core.artifact import Split
from lontar.core.config import JsonObject, JsonValue
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.core.records import Document, Message, Messages
from lontar.data.chat_config import ChatsConfig, ChatSource
from lontar.data.chat_readers import LISTS, Format, detect, read_messages
from lontar.data.config import Source
from lontar.data.counts import Counts
from lontar.data.documents import read_document, side
from lontar.data.readers import BadInputError, Entry
from lontar.data.shard import Limit
from lontar.data.tags import UNDETERMINED, language_of, tag_for_counts
from lontar.data.writer import CorpusWriter
from lontar.errors import DataError
from lontar.languages import Language
from lontar.text import letters_form


@dataclass
class Opened:
    """A file that is being read: its source, how much of it may still come, and its format once that is known."""

    source: ChatSource
    as_source: Source
    """the source as the readers of documents know it"""
    limit: Limit
    format: Format | None

    def messages(self, row: JsonObject, where: str) -> Messages:
        """The turns of a row; the first row that has any decides on the format of the file."""
        self.format = self.format or detect(row, where)
        return read_messages(row, self.format, where)


@dataclass(frozen=True)
class _Chat:
    doc: Document
    """`lang` as declared; the text is all that is said"""
    split: Split | None
    messages: Messages
    size: int


@dataclass
class Taker:
    """Decides on one chat after the other."""

    config: ChatsConfig
    counts: Counts = field(default_factory=Counts)
    seen: set[str] = field(default_factory=set)

    def take(self, entry: Entry, opened: Opened, writer: CorpusWriter) -> None:
        """Store one row, or count why not.

        Raises:
            DataError: it is no chat and `on_error` is `stop`, or too many are not.
            LicenseError: it has no license.
        """
        try:
            chat = _read(entry, opened)
            lang = self._language(chat, entry, opened)
            if lang is not None:
                self._keep(self._ready(chat, lang, entry.where), writer)
        except BadInputError as err:
            self._bad(entry, err)

    def _language(self, chat: _Chat, entry: Entry, opened: Opened) -> Language | None:
        """The language of a chat that may stay."""
        lang = language_of(chat.doc.lang)
        code = lang.code if lang else tag_for_counts(chat.doc.lang)
        if opened.source.langs is not None and code not in opened.source.langs:
            self.counts.drop(code, chat.size, "not_selected")
            return None
        if not opened.limit.admits(code, chat.size):
            return None
        if lang is None and self.config.unknown_language == "stop":
            raise DataError(
                f"{entry.where}: no language file for {chat.doc.lang!r}",
                hint="`lontar list languages` shows the known ones; add one, or set unknown_language: drop",
            )
        if lang is None:
            self.counts.drop(code, chat.size, "unknown_language")
        return lang

    def _ready(self, chat: _Chat, lang: Language, where: str) -> _Chat:
        messages = chat.messages
        if self.config.normalize == "language":
            messages = tuple(_normalized(m, lang, f"{where}: turn {i}") for i, m in enumerate(messages))
        doc = replace(chat.doc, lang=lang.code, text=_whole(messages))
        return replace(chat, doc=doc, messages=messages)

    def _keep(self, chat: _Chat, writer: CorpusWriter) -> None:
        doc, key = chat.doc, _key(chat.messages)
        if self.config.duplicates == "drop" and key in self.seen:
            self.counts.drop(doc.lang, chat.size, "duplicate")
            return
        self.seen.add(key)
        split = chat.split or side(self.config.heldout, doc, letters_form(doc.text))
        stored = self.counts.keep(doc.lang, chat.size, doc.row(), split)
        writer.write(split, doc.lang, _row(chat), stored)

    def _bad(self, entry: Entry, err: BadInputError) -> None:
        if self.config.on_error == "stop":
            raise err.plain() from err
        self.counts.drop(UNDETERMINED, entry.bytes, err.reason, err.message)
        if self.counts.n_errors > self.config.max_errors:
            raise _too_many(self.counts, self.config)


def _read(entry: Entry, opened: Opened) -> _Chat:
    row = entry.row()
    messages = opened.messages(row, entry.where)
    shown = {name: value for name, value in row.items() if name not in (*LISTS, "system")} | {"text": _whole(messages)}
    doc, split = read_document(replace(entry, row=lambda: shown), opened.as_source)
    return _Chat(doc, split, messages, len(doc.text.encode("utf-8")))


def _normalized(message: Message, lang: Language, place: str) -> Message:
    content = lang.normalized(message.content)
    if not content.strip():
        raise BadInputError(
            "empty_content",
            f"{place}: nothing is left of {message.content[:40]!r} after normalization",
            hint="leave the row out, or set normalize: none",
        )
    return Message(role=message.role, content=content)


def _whole(messages: Messages) -> str:
    return "\n".join(message.content for message in messages)


def _key(messages: Messages) -> str:
    turns: JsonValue = [[message.role, message.content] for message in messages]
    return sha256_bytes(canonical_json(turns))[:32]


def _row(chat: _Chat) -> JsonObject:
    turns: list[JsonValue] = [{"role": m.role, "content": m.content} for m in chat.messages]
    return {name: value for name, value in chat.doc.row().items() if name != "text"} | {"messages": turns}


def _too_many(counts: Counts, config: ChatsConfig) -> DataError:
    first = "\n".join(f"  {line}" for line in counts.errors[:5])
    return DataError(
        f"{counts.n_errors} rows are no chats to learn from, max_errors is {config.max_errors}; the first:\n{first}",
        hint="repair the files, or raise max_errors",
    )
