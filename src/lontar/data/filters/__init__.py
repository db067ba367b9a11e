"""Filters: reasons to leave a document out of a corpus.

A filter is a function from a document and its language to a reason, or None to keep it. It sees the text after
normalization, or as it was read if it says so (`as_read`). It is pure and total, so it runs in any worker, in any
order, with the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from pydantic import JsonValue
from pydantic_core import PydanticCustomError

from lontar.core.records import Document
from lontar.core.registry import Registry, Use
from lontar.errors import ConfigError, DataError, MissingExtraError
from lontar.languages import Language

__all__ = ["Filter", "as_read", "checked_spec", "compiled", "corpus_filter", "first_reason"]


class Filter(Protocol):
    """What a filter looks like once its settings are bound."""

    def __call__(self, doc: Document, lang: Language, /) -> str | None:
        """A reason to drop the document, or None."""


F = TypeVar("F", bound=Any)

corpus_filter: Registry[Any] = Registry("filter", package="lontar.data.filters")


def as_read(function: F) -> F:
    """Mark a filter that judges the text as it stands in the file, before normalization."""
    function.as_read = True
    return function


def checked_spec(spec: JsonValue) -> JsonValue:
    """A filter as written in a config, with all its settings spelled out.

    Raises:
        PydanticCustomError: it is unknown or a setting is wrong; pydantic adds the place and collects all of them.
    """
    try:
        use = corpus_filter.use(spec)
        return {use.name: use.entry.knobs(**use.knobs).model_dump(mode="json")}
    except ConfigError as err:
        text = err.message if err.hint is None else f"{err.message} ({err.hint})"
        raise PydanticCustomError("filter", "{text}", {"text": text}) from err


def compiled(specs: Sequence[JsonValue]) -> list[Use[Any]]:
    """The filters of a config, resolved by name: workers do this for themselves."""
    return [corpus_filter.use(spec) for spec in specs]


def first_reason(
    filters: Sequence[Use[Any]], doc: Document, lang: Language, where: str, raw: Document | None = None
) -> str | None:
    """The reason of the first filter that drops `doc`, or None; `raw` is the document before normalization.

    Raises:
        DataError: a filter failed or answered with something else; names filter, document and file.
        MissingExtraError: a filter needs a library that is not installed.
    """
    for use in filters:
        try:
            reason = use(raw if raw and getattr(use.entry.function, "as_read", False) else doc, lang)
        except MissingExtraError:
            raise
        except Exception as err:
            raise DataError(
                f"{where}: filter {use.name!r} failed on document {doc.id!r}: {type(err).__name__}: {err}",
                hint=f"a filter must answer for every document; it is defined in {use.entry.origin}",
            ) from err
        if reason is not None and not (isinstance(reason, str) and reason):
            raise DataError(f"{where}: filter {use.name!r} gave {reason!r}, expected a reason (text) or None")
        if reason is not None:
            return reason
    return None
