"""Is a document in the language it says it is in? By script, by our identifier, and by declaration.

A script cannot tell Malay from Indonesian, but it finds the commonest faults (English menus in a Thai corpus, mojibake)
at no cost; the identifier of `lontar.text` tells languages of one script apart.
"""

from __future__ import annotations

from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language


@corpus_filter("language_share")
def language_share(doc: Document, lang: Language, /, *, min_share: float = 0.8) -> str | None:
    """Drop documents in which fewer than this share of the letters is in the declared language's script."""
    return "wrong_script" if lang.script_share(doc.text) < min_share else None


@corpus_filter("identified_language")
def identified_language(
    doc: Document, lang: Language, /, *, min_score: float = 0.8, accept: tuple[str, ...] = ()
) -> str | None:
    """Drop documents that are in another language than declared, said with a score of at least `min_score`.

    `accept` names more languages to keep, as ISO 639-3 codes: "zsm" for a corpus of Indonesian that may hold Malay.
    Text of which no language can be told is kept.
    """
    from lontar.text.langid import UNDETERMINED, identify

    found = identify(doc.text)
    if found.label in (lang.iso639_3, UNDETERMINED, *accept) or found.score < min_score:
        return None
    return None if _is_one_of(found.label, lang) else "wrong_language"


def _is_one_of(label: str, lang: Language) -> bool:
    """Written Cantonese is declared Chinese by most who publish it."""
    return (label, lang.iso639_3) == ("yue", "zho")


@corpus_filter("declared_language")
def declared_language(doc: Document, lang: Language, /, *, languages: tuple[str, ...] = ()) -> str | None:
    """Keep only documents declared to be in one of these languages; none given keeps all."""
    return "other_language" if languages and lang.code not in languages else None
