"""Text that repeats itself: menus, banners and templates."""

from __future__ import annotations

from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language


@corpus_filter("repeated_lines")
def repeated_lines(doc: Document, lang: Language, /, *, max_share: float = 0.3) -> str | None:
    """Drop documents in which more than this share of the characters stands in lines seen before in them."""
    seen: set[str] = set()
    total = repeated = 0
    for line in filter(None, map(str.strip, doc.text.splitlines())):
        total += len(line)
        repeated += len(line) if line in seen else 0
        seen.add(line)
    return "repeated_lines" if repeated > max_share * total else None
