"""Our reader of fastText models against the C++ library: do they agree, and how fast is each.

The peer is the wheel fasttext-predict (the official library without training); without it only our own speed is shown.
With the file lid.176.ftz or lid.176.bin, which is not part of lontar (docs/how-to/lid176.md):

    pip install fasttext-predict
    python benchmarks/bench_fasttext.py --model lid.176.ftz --data ../shared/data

Both run in this process by turns and the best round counts. "New words": a model that was just loaded; "seen words":
one that has had all these texts before, which is what its cache is for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.text.fasttext import FastText

TINY = Path(__file__).parents[1] / "tests" / "golden" / "fasttext" / "hs-qnorm.ftz"
SETS = {
    "lid": "tasks/lid.jsonl.zst",
    "flores": "parallel/flores_sib200.jsonl.zst",
    "ntrex": "parallel/ntrex128.jsonl.zst",
    "stif": "tasks/style_stif_id.jsonl.zst",
    "wisesight": "tasks/sentiment_wisesight_th.jsonl.zst",
}
PEER = "C++, one by one"  # given a list, fasttext-predict 0.9.2.4 fails: it unpacks the result as another version's
QUERIES = ((1, 0.0), (5, 0.0), (3, 0.3), (-1, 0.0))


def main() -> None:
    options = parse()
    texts = {name: some[: options.limit] for name, some in sets(options.data)}
    peer = peer_of(options.model)
    if peer:
        agreement(options.model, peer, texts)
    speed(options.model, peer, [text for some in texts.values() for text in some][:: options.every], options.rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TINY)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, default=8000, help="texts per set")
    parser.add_argument("--every", type=int, default=4, help="of these, every n-th is timed")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def sets(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Texts without line feeds; the paragraphs of the package where there is no other data."""
    found = {name: data / file for name, file in SETS.items() if (data / file).is_file()}
    if not found:
        paths = sorted(samples.path("paragraphs").glob("*.jsonl"))
        yield "samples", [line(row["text"]) for path in paths for _, row in read_jsonl(path)]
    for name, path in found.items():
        yield (
            name,
            [line(text) for _, row in read_jsonl(path) for text in (row["text"], *row.get("parallel", {}).values())],
        )


def line(text: Any) -> str:
    return str(text).replace("\n", " ")


def peer_of(model: Path) -> Any:
    try:
        import fasttext
    except ModuleNotFoundError:
        print("fasttext-predict is not installed: nothing to compare with")
        return None
    return fasttext.load_model(str(model))


def agreement(path: Path, peer: Any, texts: dict[str, list[str]]) -> None:
    ours = FastText.load(path, prefix="")
    print(f"{path.name}: {len(ours.labels)} labels, {ours.loss}, width {ours.dim}, quantized: {ours.quantized}")
    print("texts              k  threshold   number  other labels  largest difference")
    for name, some in texts.items():
        for k, threshold in QUERIES:
            n, other, difference = compared(ours.predict_many(some, k, threshold), some, peer, k, threshold)
            print(f"{name:12} {k:7} {threshold:10} {n:8} {other:13} {difference:19.1e}")


def compared(found: Any, texts: Sequence[str], peer: Any, k: int, threshold: float) -> tuple[int, int, float]:
    other, difference = 0, 0.0
    for one, text in zip(found, texts, strict=True):
        labels, probabilities = peer.predict(text, k, threshold)
        if [label for label, _ in one] != list(labels):
            other += 1
        else:
            pairs = zip(one, probabilities, strict=True)
            difference = max([difference, *(abs(mine[1] - theirs) for mine, theirs in pairs)])
    return len(texts), other, difference


def speed(path: Path, peer: Any, texts: Sequence[str], rounds: int) -> None:
    seen = FastText.load(path)
    seen.predict_many(texts)
    ways: dict[str, Callable[[], Callable[[], object]]] = {
        "ours, many, new words": lambda: many(FastText.load(path), texts),
        "ours, many, seen words": lambda: many(seen, texts),
        "ours, one by one, new words": lambda: single(FastText.load(path), texts),
        "ours, one by one, seen words": lambda: single(seen, texts),
    }
    if peer:
        ways[PEER] = lambda: single(peer, texts)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, made in ways.items():
            run = made()
            begin = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - begin)
    n, size = len(texts), sum(len(text.encode()) for text in texts)
    print(f"{n:,} texts of {size / n:.0f} bytes on average, best of {rounds}" + (", ratios to C++" if peer else ""))
    for name, seconds in best.items():
        ratio = f"{seconds / best[PEER]:7.2f} x" if peer else ""
        print(f"{name:30} {1e6 * seconds / n:8.1f} us a text {size / seconds / 1e6:7.1f} MB/s {ratio}")


def many(model: FastText, texts: Sequence[str]) -> Callable[[], object]:
    return lambda: model.predict_many(texts)


def single(model: Any, texts: Sequence[str]) -> Callable[[], object]:
    return lambda: [model.predict(text) for text in texts]


if __name__ == "__main__":
    main()
