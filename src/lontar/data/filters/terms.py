"""What a document's license asks for."""

from __future__ import annotations

from lontar.core.license import Obligation, obligations_of
from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language

_REFUSED = (Obligation.NON_COMMERCIAL, Obligation.NO_DERIVATIVES, Obligation.UNKNOWN)


@corpus_filter("license_terms")
def license_terms(doc: Document, lang: Language, /, *, refuse: tuple[Obligation, ...] = _REFUSED) -> str | None:
    """Drop documents whose license carries one of these obligations, or is not in our table (`unknown`)."""
    found = sorted(obligations_of(doc.license) & set(refuse))
    return f"license_{found[0].replace('-', '_')}" if found else None
