"""Tokens per language before and after `tokenizer.extend`, on sentences that neither learning nor allocation has seen.

Parity is the number of tokens of a language divided by that of English for the same sentences under the same tokenizer;
a token breaks a character when it begins or ends inside a grapheme cluster. Half of the parallel rows decide on the
allocation (`--packaged`: only the sentences in the package do), the other half is measured. U+200B is removed.

    python benchmarks/bench_tokenizer.py --data ../shared/data --new-tokens 8192 16384 32768
    python benchmarks/bench_tokenizer.py --new-tokens 16384 --keep-torn    # what ADR 6 is about
    python benchmarks/bench_tokenizer.py --extended EXTENDED RECUT         # what `lontar tokenizer extend` made
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lontar import languages
from lontar.core.manifest import sha256_file
from lontar.core.shards import read_jsonl
from lontar.models.vocab import token_bytes
from lontar.tokenizer import extend as extend_module
from lontar.tokenizer.audit import audit
from lontar.tokenizer.base import Bpe, open_base
from lontar.tokenizer.candidates import Learned
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.extend import Extension, extend
from lontar.tokenizer.parity import broken_tokens, gini
from lontar.tokenizer.sentences import packaged_sentences

SEA = ("id", "ms", "tl", "jv", "su", "vi", "th", "my", "km", "lo", "ta")
BREAKS = ("my", "lo", "km", "th", "ta")
# All 800 rows are looked at, since nothing is learned from them.
UNSEEN = ("en", "zh", "zh-Hant", "ja", "ko", "ru", "de", "fr", "es", "pt")
Texts = Mapping[str, Sequence[str]]


def main() -> None:
    options = parse()
    if options.keep_torn:
        extend_module.straddling = lambda base, scripts: []  # type: ignore[assignment]
    place = options.data / "tokenizers" / options.base
    base = open_base(place)
    development, test = parallel(options.data)
    if options.extended:
        digest = sha256_file(place / "tokenizer.json")
        found = [existing(base, digest, folder, options.data, test) for folder in options.extended]
        show(found)
        print(json.dumps(found, ensure_ascii=False))
        return
    texts = {lang: list(mono(options.data, lang)) for lang in (*SEA, "en", "zh")}
    rows: list[dict[str, Any]] = [{"tokens": 0, **figures(base, test)}]
    for budget in options.new_tokens:
        begin = time.perf_counter()
        config = ExtendConfig(
            new_tokens=budget, grapheme_first=not options.no_graphemes, languages=options.languages or None
        )
        if options.packaged:
            expansion = {lang: languages.get(lang).expansion for lang in texts}
            made = extend(base, texts, packaged_sentences(texts, "dev", written=True), config, "qwen3", expansion)
        else:
            made = extend(base, texts, development, config, "qwen3")
        seconds = time.perf_counter() - begin
        audit(made, [text for many in test.values() for text in many])
        rows.append({"tokens": len(made.new_ids), **figures(made.new, test), **costs(made, test, seconds)})
        show(rows)
    show(rows)
    print(json.dumps(rows, ensure_ascii=False))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--base", default="qwen3")
    parser.add_argument("--new-tokens", type=int, nargs="+", default=[8192, 16384])
    parser.add_argument("--languages", nargs="+", help="extend these alone")
    parser.add_argument("--packaged", action="store_true", help="allocate by the packaged sentences alone")
    parser.add_argument(
        "--keep-torn", action="store_true", help="with the base's merges that tear letters apart (ADR 6)"
    )
    parser.add_argument("--extended", type=Path, nargs="+", help="measure these extensions of the base, make none")
    parser.add_argument("--no-graphemes", action="store_true", help="without the grapheme-first rule")
    options = parser.parse_args()
    if not (options.data / "mono").is_dir():
        parser.exit(0, f"{options.data}: no such data; nothing to measure\n")
    return options


def mono(data: Path, lang: str) -> Iterator[str]:
    return (plain(row["text"]) for _, row in read_jsonl(data / "mono" / f"{lang}.jsonl.zst"))


def parallel(data: Path) -> tuple[Texts, Texts]:
    rows: list[Any] = [row for _, row in read_jsonl(data / "parallel" / "flores_sib200.jsonl.zst")]
    langs = (*SEA, "zh")
    halves = []
    for part in (rows[::2], rows[1::2]):
        texts = {lang: [plain(row["parallel"][lang]) for row in part] for lang in langs}
        halves.append({**texts, "en": [plain(row["text"]) for row in part]})
    return halves[0], halves[1]


def plain(text: Any) -> str:
    return str(text).replace("\u200b", "")


def figures(tokenizer: Bpe, test: Texts) -> dict[str, Any]:
    tokens = {lang: sum(map(len, encoded(tokenizer, texts))) for lang, texts in test.items()}
    parity = {lang: tokens[lang] / tokens["en"] for lang in (*SEA, "zh")}
    return {
        "parity": {lang: round(value, 3) for lang, value in parity.items()},
        "mean": round(sum(parity[lang] for lang in SEA) / len(SEA), 3),
        "max": round(max(parity[lang] for lang in SEA), 3),
        "gini": round(gini([tokens[lang] for lang in (*SEA, "en", "zh")]), 3),
        "breaks_percent": {lang: round(100 * broken(tokenizer, test[lang]), 1) for lang in BREAKS},
    }


def encoded(tokenizer: Bpe, texts: Sequence[str]) -> list[list[int]]:
    return [one.ids for one in tokenizer.tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def broken(tokenizer: Bpe, texts: Sequence[str]) -> float:
    """Share of tokens that begin or end inside a grapheme cluster."""
    n = bad = 0
    for text in map(tokenizer.normalized, texts):
        tokens = tokenizer.tokenizer.encode(text, add_special_tokens=False).tokens
        bad += broken_tokens([token_bytes(token) for token in tokens])[0]
        n += len(tokens)
    return bad / max(1, n)


def existing(base: Bpe, digest: str, folder: Path, data: Path, test: Texts) -> dict[str, Any]:
    """Figures of an extension that is there: with what it changes, and how long another cut of it takes."""
    new = open_base(folder)
    rows: list[Any] = [row for _, row in read_jsonl(data / "parallel" / "flores_sib200.jsonl.zst")]
    every = {lang: [plain(row["text"] if lang == "en" else row["parallel"][lang]) for row in rows] for lang in UNSEEN}
    learned = Learned.load(folder, base, digest)
    begin = time.perf_counter()
    learned.cut(new.size - base.size, "maximin")
    seconds = time.perf_counter() - begin
    return {
        "tokens": new.size - base.size,
        **figures(new, test),
        "changed_unseen": {lang: changed(base, new, texts) for lang, texts in every.items()},
        "cut_seconds": round(seconds, 2),
    }


def changed(base: Bpe, new: Bpe, texts: Sequence[str]) -> str:
    n = sum(a != b for a, b in zip(encoded(base, texts), encoded(new, texts), strict=True))
    return f"{n} of {len(texts)}"


def costs(made: Extension, test: Texts, seconds: float) -> dict[str, Any]:
    return {
        "groups": {script: len(merges) for script, merges in made.merges.items()},
        "changed_unseen": {lang: changed(made.original, made.new, test[lang]) for lang in ("en", "zh")},
        "used_percent": round(
            100 * sum(made.counts.get(t, 0) > 0 for t in made.new_ids) / max(1, len(made.new_ids)), 1
        ),
        "seconds": round(seconds, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    print(
        "tokens  "
        + " ".join(f"{lang:>6}" for lang in (*SEA, "zh"))
        + "    mean     max    gini   breaks % "
        + "/".join(BREAKS)
    )
    for row in rows:
        cells = " ".join(f"{row['parity'][lang]:6.2f}" for lang in (*SEA, "zh"))
        breaks = "/".join(f"{row['breaks_percent'][lang]:.1f}" for lang in BREAKS)
        print(
            f"{'+' + str(row['tokens']):7} {cells} {row['mean']:7.3f} {row['max']:7.3f} {row['gini']:7.3f}   {breaks}"
        )


if __name__ == "__main__":
    main()
