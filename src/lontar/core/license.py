"""License terms: what each source asks for, combined over all parents, with conflicts named.

A table of facts about common licenses, not legal advice: an identifier that is not in the table carries the obligation
`unknown`, which travels down the lineage until a person looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from lontar.core.config import Config
from lontar.errors import LicenseError

UNKNOWN = "LicenseRef-unknown"
"""terms of material that does not state them; whoever uses it is told"""


class Obligation(StrEnum):
    """What a license asks of those who pass the material or its derivatives on."""

    ATTRIBUTION = "attribution"
    NOTICE = "notice"
    SHARE_ALIKE = "share-alike"
    NON_COMMERCIAL = "non-commercial"
    NO_DERIVATIVES = "no-derivatives"
    USE_RESTRICTIONS = "use-restrictions"
    UNKNOWN = "unknown"


_A, _N, _S = Obligation.ATTRIBUTION, Obligation.NOTICE, Obligation.SHARE_ALIKE
_NC, _ND, _U = Obligation.NON_COMMERCIAL, Obligation.NO_DERIVATIVES, Obligation.USE_RESTRICTIONS

_TERMS: dict[str, frozenset[Obligation]] = {
    **dict.fromkeys(("cc0-1.0", "unlicense", "0bsd", "pddl-1.0", "licenseref-publicdomain"), frozenset()),
    **dict.fromkeys(("mit", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "apache-2.0"), frozenset({_N})),
    **dict.fromkeys(("odc-by-1.0",), frozenset({_A})),
    **dict.fromkeys(
        ("mpl-2.0", "gpl-2.0-only", "gpl-3.0-only", "gpl-3.0-or-later", "agpl-3.0-only"), frozenset({_N, _S})
    ),
    **dict.fromkeys(("odbl-1.0",), frozenset({_A, _S})),
    **dict.fromkeys(("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma"), frozenset({_N, _U})),
}


class SourceTerms(Config):
    """The terms of one source: which license, from where, for how many documents."""

    spdx: str
    source: str
    documents: int = 0


class License(Config):
    """The terms an artifact stands under: those of everything it was made from."""

    spdx: str = "CC0-1.0"
    obligations: tuple[Obligation, ...] = ()
    sources: tuple[SourceTerms, ...] = ()


def obligations_of(spdx: str) -> frozenset[Obligation]:
    """Obligations of one SPDX identifier; `{unknown}` when it is not in the table."""
    key = spdx.strip().lower()
    if key in _TERMS:
        return _TERMS[key]
    if key.startswith("cc-by"):
        parts = key.split("-")
        flags = {"nc": _NC, "sa": _S, "nd": _ND}
        return frozenset({_A} | {flags[part] for part in parts if part in flags})
    return frozenset({Obligation.UNKNOWN})


def check_spdx(spdx: str, where: str) -> str:
    """`spdx` itself when it has the form of an identifier.

    Raises:
        LicenseError: it is empty or has spaces.
    """
    if not spdx.strip() or any(c.isspace() for c in spdx.strip()):
        raise LicenseError(
            f"{where}: {spdx!r} is not an SPDX identifier",
            hint="for example CC0-1.0, CC-BY-SA-4.0, Apache-2.0, or LicenseRef-NAME for terms of your own",
        )
    return spdx.strip()


def from_sources(sources: Iterable[SourceTerms]) -> License:
    """The license of material drawn from `sources`; counts of the same source and license are added."""
    counts: dict[tuple[str, str], int] = {}
    for item in sources:
        key = (item.spdx, item.source)
        counts[key] = counts.get(key, 0) + item.documents
    terms = tuple(SourceTerms(spdx=s, source=w, documents=n) for (s, w), n in sorted(counts.items()))
    names = sorted({t.spdx for t in terms})
    duties = sorted(frozenset[Obligation]().union(*(obligations_of(name) for name in names)))
    return License(spdx=" AND ".join(names) or "CC0-1.0", obligations=tuple(duties), sources=terms)


def combine(licenses: Iterable[License]) -> License:
    """The license of something made from several parents. A source that two parents share is counted once."""
    largest: dict[tuple[str, str], int] = {}
    for license_ in licenses:
        for item in license_.sources:
            key = (item.spdx, item.source)
            largest[key] = max(largest.get(key, 0), item.documents)
    return from_sources(SourceTerms(spdx=s, source=w, documents=n) for (s, w), n in largest.items())


def conflicts(license_: License) -> list[str]:
    """Pairs of terms that cannot both be met, in words; empty when none is known."""
    names = sorted({item.spdx for item in license_.sources})
    alike = [n for n in names if n.lower().startswith("cc-by") and _S in obligations_of(n)]
    found = []
    for i, first in enumerate(alike):
        for second in alike[i + 1 :]:
            if _NC in obligations_of(first) ^ obligations_of(second):
                found.append(f"{first} and {second} each ask that derivatives carry that same license")
    found += [f"{n} forbids sharing derivatives" for n in names if _ND in obligations_of(n)]
    found += [f"the terms of {n} are not known here" for n in names if Obligation.UNKNOWN in obligations_of(n)]
    return found
