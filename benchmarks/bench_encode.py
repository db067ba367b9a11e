"""Corpus encoding on one thread, MB of UTF-8 a second: `tokenizers` text by text and in batches, and our encoder.

The three take turns every fifty documents, so that a busy machine slows all of them; the best of several rounds of each
turn counts. Ids must be equal. Building and checking tiktoken's tables is told apart.

    python benchmarks/bench_encode.py --data ../shared/data
    python benchmarks/bench_encode.py --tokenizer runs/x/tokenizer --langs my km th
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before the libraries read them.
os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}

from lontar.core.shards import read_jsonl
from lontar.models.fast import Encoder
from lontar.models.files import open_tokenizer_file

BAR = 4.0
DOCUMENTS = 50


def main() -> None:
    options = parse()
    tokenizer = open_tokenizer_file(options.tokenizer or options.data / "tokenizers" / "qwen3")
    encoder = Encoder(tokenizer, after=0)
    begin = time.perf_counter()
    encoder(["begin"])
    print(f"{encoder.note}; tables built and checked in {time.perf_counter() - begin:.1f} s")
    print("lang        MB   encode  encode_batch     ours   over encode  over batch")
    missed = []
    for file in sorted((options.data / "mono").glob("*.jsonl.zst")):
        lang = file.name.partition(".")[0]
        if options.langs and lang not in options.langs:
            continue
        texts = read(file, int(options.megabytes * 1e6))
        size = sum(len(text.encode("utf-8")) for text in texts) / 1e6
        one, batch, ours = measured(tokenizer, encoder, texts, options.rounds)
        missed += [lang] if one / ours < BAR else []
        print(
            f"{lang:8} {size:5.1f} {size / one:8.2f} {size / batch:13.2f} {size / ours:8.2f}"
            f" {one / ours:13.2f} {batch / ours:11.2f}",
            flush=True,
        )
    print(f"bar {BAR:.0f} x encode: " + (f"missed in {', '.join(missed)}" if missed else "reached in every language"))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tokenizer", type=Path, help="a folder with a tokenizer.json; without it Qwen 3's")
    parser.add_argument("--langs", nargs="+", default=[])
    parser.add_argument("--megabytes", type=float, default=2.0, help="of each language")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not (options.data / "mono").is_dir():
        parser.exit(0, f"{options.data}: no such data; nothing to measure\n")
    return options


def read(file: Path, size: int) -> list[str]:
    texts: list[str] = []
    for _, row in read_jsonl(file):
        if size <= 0:
            break
        texts.append(str(row["text"]))
        size -= len(texts[-1].encode("utf-8"))
    return texts


def measured(tokenizer: Any, encoder: Encoder, texts: list[str], rounds: int) -> tuple[float, float, float]:
    """Seconds of each way over all texts."""
    ways: list[Callable[[list[str]], list[list[int]]]] = [
        lambda part: [tokenizer.encode(text, add_special_tokens=False).ids for text in part],
        lambda part: [one.ids for one in tokenizer.encode_batch(part, add_special_tokens=False)],
        encoder,
    ]
    totals = [0.0] * len(ways)
    for start in range(0, len(texts), DOCUMENTS):
        part = texts[start : start + DOCUMENTS]
        best = [float("inf")] * len(ways)
        for _ in range(rounds):
            found = []
            for i, way in enumerate(ways):
                begin = time.perf_counter()
                found.append(way(part))
                best[i] = min(best[i], time.perf_counter() - begin)
            assert found[0] == found[1] == found[2], "ids differ"
        totals = [total + seconds for total, seconds in zip(totals, best, strict=True)]
    return totals[0], totals[1], totals[2]


if __name__ == "__main__":
    main()
