"""What went in, what stayed, and why the rest did not: per language, so that every document is accounted for."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from lontar.core.artifact import Corpus, Split
from lontar.core.config import JsonObject

MAX_ERRORS_KEPT = 20


@dataclass
class Count:
    """Documents and UTF-8 bytes of text."""

    docs: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count one document."""
        self.docs += 1
        self.bytes += size

    def json(self) -> JsonObject:
        """As a JSON object."""
        return {"docs": self.docs, "bytes": self.bytes}


@dataclass
class LanguageCounts:
    """Counts of one language: `taken` is the sum of both splits and of `dropped`."""

    taken: Count = field(default_factory=Count)
    kept: dict[Split, Count] = field(default_factory=lambda: {"train": Count(), "heldout": Count()})
    dropped: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    edited: Counter[str] = field(default_factory=Counter)
    """documents that stay and were changed, by step, as far as that is told"""

    def json(self) -> JsonObject:
        """As a JSON object with sorted keys."""
        return {
            "in": self.taken.json(),
            **{split: count.json() for split, count in self.kept.items()},
            "dropped": dict(sorted(self.dropped.items())),
            "licenses": dict(sorted(self.licenses.items())),
            **({"edited": dict(sorted(self.edited.items()))} if self.edited else {}),
        }


@dataclass
class Counts:
    """Counts of a whole corpus, and the first lines that could not be read."""

    languages: defaultdict[str, LanguageCounts] = field(default_factory=lambda: defaultdict(LanguageCounts))
    terms: Counter[tuple[str, str]] = field(default_factory=Counter)
    """documents kept, by license and source"""
    errors: list[str] = field(default_factory=list)
    n_errors: int = 0

    def drop(self, lang: str, size: int, reason: str, error: str | None = None) -> None:
        """Count a document that does not stay; `error` is what was wrong with a line that could not be read."""
        self.languages[lang].taken.add(size)
        self.languages[lang].dropped[reason] += 1
        if error is not None:
            self.n_errors += 1
            if len(self.errors) < MAX_ERRORS_KEPT:
                self.errors.append(error)

    def keep(self, lang: str, size: int, row: JsonObject, split: Split) -> int:
        """Count a document that stays; returns the UTF-8 bytes of its text as stored."""
        counts, stored = self.languages[lang], len(str(row["text"]).encode("utf-8"))
        counts.taken.add(size)
        counts.kept[split].add(stored)
        counts.licenses[str(row["license"])] += 1
        self.terms[str(row["license"]), str(row["source"])] += 1
        return stored

    @property
    def kept(self) -> int:
        """Documents that stay."""
        return sum(count.docs for lang in self.languages.values() for count in lang.kept.values())

    @property
    def reasons(self) -> Counter[str]:
        """Documents dropped, by reason."""
        return sum((lang.dropped for lang in self.languages.values()), Counter())

    def json(self) -> JsonObject:
        """As it is stored in `counts.json`."""
        return {
            "languages": {code: counts.json() for code, counts in sorted(self.languages.items())},
            "errors": list(self.errors),
        }

    def metrics(self) -> dict[str, float]:
        """`docs.train.th`, `bytes.heldout.th`, ...: what each language has in each split."""
        return {
            f"{what}.{split}.{code}": float(getattr(count, what))
            for code, counts in sorted(self.languages.items())
            for split, count in counts.kept.items()
            for what in ("docs", "bytes")
            if count.docs
        }


def table(corpus: Corpus) -> list[JsonObject]:
    """Language by reason: one row a language, `{lang, in, train, heldout, <reason>: documents...}`, and the total.

    All rows have the same keys in the same order; reasons are sorted.
    """
    stored = json.loads((corpus.path / "counts.json").read_text(encoding="utf-8"))["languages"]
    reasons = sorted({reason for counts in stored.values() for reason in counts["dropped"]})
    rows: list[JsonObject] = [
        {
            "lang": code,
            **{name: counts[name]["docs"] for name in ("in", "train", "heldout")},
            **{reason: counts["dropped"].get(reason, 0) for reason in reasons},
        }
        for code, counts in sorted(stored.items())
    ]
    columns = ["in", "train", "heldout", *reasons]
    return [*rows, {"lang": "total", **{name: sum(int(str(row[name])) for row in rows) for name in columns}}]
