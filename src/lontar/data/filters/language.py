"""Is a document in the language it says it is in? By script and by declaration.

A script cannot tell Malay from Indonesian, but it finds the commonest faults (English menus in a Thai corpus, mojibake)
at no cost and without a model.
"""

from __future__ import annotations

from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language


@corpus_filter("language_share")
def language_share(doc: Document, lang: Language, /, *, min_share: float = 0.8) -> str | None:
    """Drop documents in which fewer than this share of the letters is in the declared language's script."""
    return "wrong_script" if lang.script_share(doc.text) < min_share else None


@corpus_filter("declared_language")
def declared_language(doc: Document, lang: Language, /, *, languages: tuple[str, ...] = ()) -> str | None:
    """Keep only documents declared to be in one of these languages; none given keeps all."""
    return "other_language" if languages and lang.code not in languages else None
