"""Settings of `data.build`; filters and languages are checked here, so that mistakes show before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from lontar import languages
from lontar.core.config import Config
from lontar.core.license import check_spdx
from lontar.data.filters import checked_spec
from lontar.data.maskers import known_masker
from lontar.data.tags import language_of
from lontar.errors import LicenseError, UnknownNameError

Kind = Literal["jsonl", "text", "parquet", "sample", "synthetic", "hub"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def _known_language(tag: str) -> str:
    if (found := language_of(tag)) is not None:
        return str(found.code)
    try:
        return str(languages.get(tag).code)  # for its message
    except UnknownNameError as err:
        text = err.message if err.hint is None else f"{err.message} ({err.hint})"
        raise PydanticCustomError("language", "{text}", {"text": text}) from err


def _spdx(text: str) -> str:
    try:
        return check_spdx(text, "license")
    except LicenseError as err:
        raise PydanticCustomError("license", "{text}", {"text": f"{err.message} ({err.hint})"}) from err


def _some(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    # `min_length` would complain a second time whenever an item is wrong.
    if not sources:
        raise PydanticCustomError("sources", "a corpus needs at least one source")
    return sources


LanguageCode = Annotated[str, AfterValidator(_known_language)]
Spdx = Annotated[str, AfterValidator(_spdx)]
MaskerName = Annotated[str, AfterValidator(known_masker)]
FilterSpec = Annotated[JsonValue, AfterValidator(checked_spec)]


class Source(Config):
    """Files to take documents from: exactly one of `jsonl`, `text`, `parquet`, `sample` and `synthetic`."""

    jsonl: str | None = None
    """JSON-lines files: a path or a pattern such as `corpus/**/*.jsonl`, relative to the working folder;
    `.zst` and `.gz` are unpacked on the way"""
    text: str | None = None
    """plain text files, a path or a pattern; `.zst` and `.gz` too"""
    parquet: str | None = None
    """Parquet files, a path or a pattern"""
    hub: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+@[\w./-]+$")
    """a data set of the Hugging Face hub, as ORG/NAME@REVISION; its own terms go under `license`"""
    files: str = "**/train*.parquet"
    """with `hub`: which of its files, Parquet or JSON lines; by default those of the training split"""
    sample: str | None = None
    """text that comes with the package: `parallel`, `parity`, `paragraphs`, `informal`, `dirty`"""
    synthetic: Literal["stories"] | None = None
    """text made from templates that come with the package; documents carry `synthetic: true`"""
    count: int = Field(default=200, ge=1)
    """synthetic documents of each language; fewer when the templates give no more different ones"""
    seed: int = Field(default=1, ge=0)
    """which synthetic documents; the seed of the run takes no part"""
    unit: Literal["file", "paragraph", "line"] = "line"
    """what one document is in text files; paragraphs are parted by empty lines"""
    text_field: str = "text"
    """field that holds the text"""
    lang: LanguageCode | None = None
    """language of every document, whatever the rows say; needed when they do not say it"""
    langs: tuple[LanguageCode, ...] | None = None
    """take only documents of these languages"""
    license: Spdx | None = None
    """SPDX identifier for rows without a `license` field"""
    source: str | None = None
    """name of the source for rows without a `source` field; the file name otherwise"""
    limit_docs: int | None = Field(default=None, ge=1)
    """read at most so many documents of each language, in order; the rest is neither read nor counted"""
    limit_bytes: int | None = Field(default=None, ge=1)
    """read at most so many UTF-8 bytes of text of each language, in order"""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            text = "give exactly one of " + ", ".join(KINDS) + (f" (given: {', '.join(given)})" if given else "")
            raise PydanticCustomError("source", "{text}", {"text": text})
        if self.unit != "line" and self.text is None:
            raise PydanticCustomError("source", "`unit` goes with `text` alone")
        if self.text_field != "text" and self.text is not None:
            raise PydanticCustomError("source", "`text_field` does not go with `text`: plain text has no fields")
        if self.hub is None and "files" in self._set_otherwise:
            raise PydanticCustomError("source", "`files` goes with `hub` alone")
        if self.synthetic is None and (extra := sorted({"count", "seed"} & self._set_otherwise)):
            raise PydanticCustomError("source", "`{field}` goes with `synthetic` alone", {"field": extra[0]})
        if self.synthetic is not None and self.lang is not None:
            raise PydanticCustomError("source", "`synthetic` takes `langs`, not `lang`")
        return self

    @property
    def _set_otherwise(self) -> set[str]:
        """Fields that differ from their defaults: a config that was spelled out in full stays valid."""
        return {name for name, info in type(self).model_fields.items() if getattr(self, name) != info.default}

    @property
    def kind(self) -> Kind:
        """Which of them it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def pattern(self) -> str:
        """The path or pattern as given."""
        return str(getattr(self, self.kind))

    @property
    def form(self) -> Kind:
        """How its files are read."""
        return self.kind if self.hub is None else "parquet" if self.files.endswith(".parquet") else "jsonl"


class Heldout(Config):
    """Which documents are held out from training, where the rows do not say it (`split: train | heldout`)."""

    share: float = Field(default=0.1, ge=0.0, lt=1.0)
    """share held out, by hash: the same documents whatever the seed, so that two corpora agree"""
    by: Literal["id", "text", "source"] = "id"
    """what is hashed: an id lands on one side in all languages; `source` holds out whole sources"""


class BuildConfig(Config):
    """Settings of `data.build`."""

    sources: Annotated[tuple[Source, ...], AfterValidator(_some)]
    """where the documents come from, in order: of two equal documents the first stays"""
    normalize: Literal["language", "none"] = "language"
    """`language`: each document by its own language's normalizations"""
    filters: tuple[FilterSpec, ...] = ()
    """filters in order: a name or {name: {setting: value}}; the first reason counts"""
    duplicates: Literal["drop", "keep"] = "drop"
    """exact duplicates across languages and splits, compared by letters, marks and digits alone"""
    near_duplicates: float | None = Field(default=None, ge=0.3, le=1.0)
    """drop documents that share this much with one that stays (Jaccard similarity of runs of 5 letters), for example
    0.8; estimated by MinHash within 0.04; takes about 1 kB of memory a document"""
    mask: tuple[MaskerName, ...] = ()
    """personal data to replace, in this order: `email`, `id_number`, `phone`"""
    decisions: Literal["none", "dropped", "all"] = "none"
    """keep a record of what was decided on each document, with an excerpt: none (counts are enough for a big corpus),
    those dropped, or all with what was changed in them"""
    heldout: Heldout = Heldout()
    unknown_language: Literal["drop", "stop"] = "drop"
    """documents in a language without a language file"""
    on_error: Literal["stop", "skip"] = "stop"
    """lines that cannot be read: stop at the first, or count them and go on"""
    max_errors: int = Field(default=100, ge=0)
    """with `on_error: skip`: stop when there are more than so many"""
