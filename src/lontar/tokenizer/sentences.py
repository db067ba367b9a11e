"""Sentences that say the same in several languages: of a corpus, or of the package, which nothing is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from lontar import samples
from lontar.core.artifact import Corpus
from lontar.core.manifest import sha256_file
from lontar.core.shards import read_jsonl
from lontar.errors import DataError

# Packaged sentences whose id begins so are of newspapers and encyclopedias.
WRITTEN = "w"


def packaged_languages() -> list[str]:
    """Languages that have packaged sentences."""
    return sorted(path.stem for path in samples.path("parity").glob("*.jsonl"))


def packaged_sentences(
    langs: Iterable[str], split: Literal["dev", "test"], *, written: bool = False
) -> dict[str, Sequence[str]]:
    """The packaged sentences of those languages that have some.

    Args:
        langs: codes of languages.
        split: `dev` to decide on, `test` to measure on.
        written: those of the written register alone, which tell what a character costs in news
            (`benchmarks/bench_shares.py`).
    """
    return {
        lang: [
            str(row["text"])
            for _, row in read_jsonl(path)
            if row["split"] == split and (not written or str(row["id"]).startswith(WRITTEN))
        ]
        for lang in sorted({*langs})
        if (path := _file(lang)).is_file()
    }


def sentence_digests(langs: Iterable[str]) -> dict[str, str]:
    """Digests of the files of packaged sentences, for what a stage's result depends on."""
    return {f"sample:{lang}": sha256_file(path) for lang in langs if (path := _file(lang)).is_file()}


def _file(lang: str) -> Path:
    return samples.path("parity") / f"{lang}.jsonl"


def aligned(corpus: Corpus) -> dict[str, Sequence[str]]:
    """Documents of a parallel corpus, those whose id every language has.

    Raises:
        DataError: there are none.
    """
    rows = {lang: {doc.id: doc.text for doc in corpus.documents("train", [lang])} for lang in corpus.langs("train")}
    shared = sorted(set.intersection(*(set(texts) for texts in rows.values()))) if rows else []
    if not shared:
        raise DataError(
            f"{corpus.path}: no document is there in every language ({', '.join(sorted(rows)) or 'it is empty'})",
            hint="translations of one sentence need the same id",
        )
    return {lang: [texts[id_] for id_ in shared] for lang, texts in rows.items()}
