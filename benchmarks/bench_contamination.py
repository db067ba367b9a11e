"""Looking for the items of an evaluation in a corpus: `Checker` against sets of tuples of words in plain Python.

Both find the same shares; the items and documents are made up, with some items put into documents. Ours looks for whole
texts too, by runs of 50 characters, so the plain way is timed with n-grams of words alone and with these runs besides.

    python benchmarks/bench_contamination.py --items 2000 --documents 4000
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Sequence

from lontar.eval.contamination import Checker, Item, folded

N, CHARS = 13, 50
WORD = re.compile(r"\w+")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--words", type=int, default=400, help="of a document")
    options = parser.parse_args()
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices("abdeghiklmnoprstu", k=rng.randint(2, 9))) for _ in range(20_000)]
    texts = [" ".join(rng.choices(vocabulary, k=60)) for _ in range(options.items)]
    documents = [" ".join(rng.choices(vocabulary, k=options.words)) for _ in range(options.documents)]
    for i in range(0, options.items, 10):  # a tenth of the items, most of their words
        documents[i % options.documents] += " " + " ".join(texts[i].split()[:50])
    megabytes = sum(len(document.encode()) for document in documents) / 1e6
    print(f"{options.items} items, {options.documents} documents, {megabytes:.1f} MB")
    for whole in (False, True):
        begin = time.perf_counter()
        plain = sets(texts, documents, whole)
        took = time.perf_counter() - begin
        print(f"sets, {'words and whole texts' if whole else 'words alone':22}{megabytes / took:7.2f} MB/s")
    for spaced in (True, False):
        begin = time.perf_counter()
        shares = ours(texts, documents, spaced)
        seconds = time.perf_counter() - begin
        kind = "words" if spaced else "characters"
        print(f"Checker, {kind:19}{megabytes / seconds:7.2f} MB/s, {took / seconds:.1f} times as fast as both")
        if spaced and any(abs(a - b) > 1e-9 for a, b in zip(shares, plain, strict=True)):
            raise SystemExit("the shares differ")


def grams(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(folded(text))
    return {tuple(words[i : i + N]) for i in range(len(words) - N + 1)}


def runs(text: str) -> set[str]:
    compact = "".join(WORD.findall(folded(text)))
    return {compact[i : i + CHARS] for i in range(len(compact) - CHARS + 1)}


def sets(texts: Sequence[str], documents: Sequence[str], whole: bool) -> list[float]:
    wanted = [grams(text) for text in texts]
    known = set().union(*wanted)
    anchors = {min(runs(text)) for text in texts} if whole else set()
    seen: set[tuple[str, ...]] = set()
    for document in documents:
        seen |= grams(document) & known
        if whole:
            anchors -= runs(document)
    return [len(own & seen) / len(own) for own in wanted]


def ours(texts: Sequence[str], documents: Sequence[str], spaced: bool) -> list[float]:
    items = [Item("t", "id", str(i), (text,), group=str(i), spaced=spaced) for i, text in enumerate(texts)]
    checker = Checker(items)
    for number, document in enumerate(documents):
        checker.add(str(number), document)
    return [one.share for one in checker.found()]


if __name__ == "__main__":
    main()
