"""Text that the language model is trained on, by language and group, and what it was tested on.

Only text whose licence allows shipping a model made of it: no non-commercial row, none with a licence of its own
(`LicenseRef`), none marked for evaluation only, and no text of the test sets. See docs/adr/0005.
"""

from __future__ import annotations

import io
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "src/lontar/samples"

CORE = "ind zsm jav sun min ban ace bjn ceb ilo war tgl vie eng".split()
"""Latin-script languages that the figures are about."""
OTHERS = "mad bug bbc nij bew mak mui rej abs bhp pam max tpi deu fra spa por ita nld".split()
"""Neighbors and guests, so that they are not taken for one of the first."""
LANGUAGES = CORE + OTHERS

_CODES = {
    **{"id": "ind", "ms": "zsm", "jv": "jav", "su": "sun", "tl": "tgl", "vi": "vie", "th": "tha", "lo": "lao"},
    **{"my": "mya", "km": "khm", "ta": "tam", "zh": "zho", "zh-Hant": "zho", "en": "eng", "ja": "jpn", "ko": "kor"},
    **{"de": "deu", "fr": "fra", "es": "spa", "pt": "por", "ru": "rus", "hi": "hin", "ar": "arb", "btk": "bbc"},
}
_MOST = 1_000_000
"""Characters taken of one group of one language."""

Row = dict[str, Any]


def code(label: str) -> str:
    """ISO 639-3 code of a label of the data sets; text in Arabic script keeps the script in its label."""
    return _CODES.get(label, label)


def rows(path: Path) -> Iterator[Row]:
    """Rows of a compressed file."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        yield from map(json.loads, io.TextIOWrapper(stream, "utf-8"))


def shippable(row: Row) -> bool:
    """Whether a model made of the row may be given to anyone."""
    return "NC" not in row["license"] and "LicenseRef" not in row["license"] and not row.get("eval_only")


def key(text: str) -> str:
    """Letters only, to find the same text twice."""
    return "".join(c for c in text.casefold() if c.isalpha())


def training(data: Path) -> tuple[dict[str, dict[str, list[str]]], dict[str, Counter[str]]]:
    """Texts by language and group, and rows used by file and licence."""
    if not (data / "tasks/lid.jsonl.zst").is_file():
        raise SystemExit(f"{data}: no training data there; name its folder with --data (see docs/adr/0005)")
    seen = {key(row["text"]) for row in rows(data / "tasks/lid.jsonl.zst")}
    found: list[tuple[str, str, str]] = []
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted(p for folder in ("mono", "parallel", "tasks") for p in (data / folder).glob("*.jsonl.zst")):
        name = str(path.relative_to(data)).removesuffix(".jsonl.zst")
        if name == "tasks/lid":
            continue
        for row in rows(path):
            if not shippable(row):
                continue
            group = f"{name}|{row.get('domain', '')}"
            for label, text in [(row["lang"], row["text"]), *row.get("parallel", {}).items()]:
                letters, language = key(text), code(label)
                if language not in LANGUAGES or letters in seen or (letters, label) in seen:
                    continue
                seen.add((letters, label))
                found.append((language, group, text))
                used[name][row["license"]] += 1
    found += _own()
    random.Random(0).shuffle(found)
    return _capped(found), used


def _own() -> Iterator[tuple[str, str, str]]:
    """Our own compositions: paragraphs of the package (its other samples are for measuring), and text for it."""
    for path in sorted(SAMPLES.glob("paragraphs/*.jsonl")):
        if code(path.stem) in LANGUAGES:
            for line in path.read_text("utf-8").splitlines():
                yield code(path.stem), "samples", json.loads(line)["text"]
    for path in sorted(HERE.glob("[a-z][a-z][a-z].txt")):
        for line in path.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield path.stem, "own sentences" if len(line.split()) > 2 or len(line) > 30 else "own words", line


def _capped(found: list[tuple[str, str, str]]) -> dict[str, dict[str, list[str]]]:
    by: dict[str, dict[str, list[str]]] = {language: {} for language in LANGUAGES}
    size: Counter[tuple[str, str]] = Counter()
    for language, group, text in found:
        if size[language, group] < _MOST:
            size[language, group] += len(text)
            by[language].setdefault(group, []).append(text)
    return by


def cells(data: Path, most: int = 400) -> dict[tuple[str, str], list[str]]:
    """Test texts by language and domain: never trained on; `most` of each, drawn with a fixed seed."""
    by: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows(data / "tasks/lid.jsonl.zst"):
        by[code(row["label"]), row["domain"]].append(row["text"])
    for domain, name in (("flores", "flores_sib200"), ("ntrex", "ntrex128"), ("udhr", "udhr")):
        for row in rows(data / f"parallel/{name}.jsonl.zst"):
            for label, text in [(row["lang"], row["text"]), *row["parallel"].items()]:
                # A line without a dozen letters ("12.5 %") has no language.
                if len(re.findall(r"\w", text)) >= 12:
                    by[code(label), domain].append(text)
    for row in rows(data / "tasks/sentiment_news_ms.jsonl.zst"):
        by["zsm", "news headlines"].append(row["text"])
    for row in rows(data / "parallel/iium_ms_en.jsonl.zst"):
        by["zsm", "forum"].append(row["parallel"]["ms"])
    pick = random.Random(0)
    return {cell: texts if len(texts) <= most else pick.sample(texts, most) for cell, texts in sorted(by.items())}
