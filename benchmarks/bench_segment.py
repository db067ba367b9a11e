"""Our words against hand-cut text and against the libraries of each language: F1 and speed.

    pip install pythainlp nlpo3 attacut khmer-nltk khmercut pyidaungsu laonlp jieba pyvi underthesea
    python benchmarks/bench_segment.py --data ../shared/data

A library that is not installed is named and left out. A word is right when it begins and ends where the gold word does;
spaces don't count. Of Thai only the posts that our model has not seen (scripts/segmenters/heldout.json). Khmer and
Burmese: `^`, which marks affixes in the Khmer set, is taken out; of all sets `--limit` texts, every n-th of the second
half of the set, because rules were settled on the first. All take turns in this process and the best round counts.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.shards import read_jsonl
from lontar.text import segment

HELD_OUT = Path(__file__).parents[1] / "scripts" / "segmenters" / "heldout.json"
Many = Callable[[Sequence[str]], list[list[str]]]


@dataclass
class Set:
    """Texts of one language, with their gold words where there are any."""

    name: str
    code: str
    texts: list[str]
    gold: list[list[str]] | None = None


def main() -> None:
    options = parse()
    for some in sets(options.data, options.limit):
        if not options.languages or some.code in options.languages:
            report(some, options.rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", help="codes; all without")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, default=600, help="texts of a set")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


# --- Texts -----------------------------------------------------------------------------------------------------------


def sets(data: Path, limit: int) -> Iterator[Set]:
    held = set(json.loads(HELD_OUT.read_text(encoding="utf-8")))
    thai = [row["tokens"] for row in rows(data, "tasks/wordseg_wisesight_th") if row["id"] in held]
    yield gold("Wisesight, held out", "th", thai, limit)
    khmer = [[token.replace("^", "") for token in row["tokens"]] for row in rows(data, "tasks/wordseg_khmer")]
    yield gold("khPOS", "km", khmer[len(khmer) // 2 :], limit)
    burmese = [row["tokens"] for row in rows(data, "tasks/wordseg_myanmar")]
    yield gold("myPOS", "my", burmese[len(burmese) // 2 :], limit)
    for code in ("id", "ms", "vi"):
        # Our list of Vietnamese compounds was written with this set in sight: for Vietnamese the figure flatters us.
        yield gold("TALPCo", code, list(talpco(data, code)), limit)
    yield Set("TICO-19", "zh", parallel(data, "tico19", "zh")[:limit])
    yield Set("Thai-Lao", "lo", parallel(data, "thai_lao", "lo")[:limit])


def rows(data: Path, name: str) -> Iterator[Any]:
    return (row for _, row in read_jsonl(data / f"{name}.jsonl.zst"))


def gold(name: str, code: str, cuts: list[list[str]], limit: int) -> Set:
    cuts = [[bare for token in cut if (bare := token.replace("\u200b", ""))] for cut in cuts]
    cuts = cuts[:: max(1, len(cuts) // limit)][:limit]
    return Set(name, code, ["".join(cut) for cut in cuts], cuts)


def talpco(data: Path, code: str) -> Iterator[list[str]]:
    for row in rows(data, "parallel/talpco"):
        text, at, cut = row["parallel"].get(code, ""), 0, []
        for token in row["tokens"].get(code, ()):
            start = text.find(token, at)
            if start < 0 or text[at:start].strip():
                break
            cut += [text[at:start], token] if start > at else [token]
            at = start + len(token)
        if cut and at == len(text):
            yield cut


def parallel(data: Path, name: str, code: str) -> list[str]:
    return [text for row in rows(data, f"parallel/{name}") if (text := row["parallel"].get(code))]


# --- Libraries -------------------------------------------------------------------------------------------------------


def each(tokenize: Callable[[str], Iterable[str]]) -> Many:
    return lambda texts: [list(tokenize(text)) for text in texts]


def pythainlp(engine: str) -> Many:
    from pythainlp.tokenize import word_tokenize

    return each(lambda text: word_tokenize(text, engine=engine))


def nlpo3() -> Many:
    import nlpo3
    from pythainlp.corpus import thai_words

    words = Path(__file__).parent / ".thai_words.txt"  # nlpo3 brings no dictionary and reads one from a file only
    words.write_text("\n".join(sorted(thai_words())), encoding="utf-8")
    try:
        nlpo3.load_dict(str(words), "thai")
    finally:
        words.unlink()
    return each(lambda text: nlpo3.segment(text, "thai"))


def attacut() -> Many:
    import attacut

    return each(attacut.tokenize)


def khmernltk() -> Many:
    from khmernltk import word_tokenize

    return each(word_tokenize)


def khmercut() -> Many:
    from khmercut import tokenize

    return each(tokenize)


def pyidaungsu() -> Many:
    from pyidaungsu import tokenize

    return each(lambda text: tokenize(text, lang="mm", form="word"))


def laonlp() -> Many:
    from laonlp.tokenize import word_tokenize

    return each(word_tokenize)


def jieba() -> Many:
    import jieba

    jieba.setLogLevel(60)
    return each(jieba.lcut)


def pyvi() -> Many:
    from pyvi import ViTokenizer

    return each(lambda text: ViTokenizer.tokenize(text).split())


def underthesea() -> Many:
    from underthesea import word_tokenize

    return each(word_tokenize)


PEERS: dict[str, dict[str, Callable[[], Many]]] = {
    "th": {
        "pythainlp newmm": lambda: pythainlp("newmm"),
        "pythainlp newmm-safe": lambda: pythainlp("newmm-safe"),
        "nlpo3": nlpo3,
        "attacut": attacut,
    },
    "km": {"khmer-nltk": khmernltk, "khmercut": khmercut},
    "my": {"pyidaungsu": pyidaungsu},
    "vi": {"pyvi": pyvi, "underthesea": underthesea},
    "zh": {"jieba": jieba},
    "lo": {"laonlp": laonlp},
}


def ways(code: str) -> dict[str, Many]:
    found: dict[str, Many] = {
        "ours, many": lambda texts: segment.word_pieces_many(texts, code),
        "ours, one by one": lambda texts: [segment.word_pieces(text, code) for text in texts],
        "ICU alone": lambda texts: [segment.icu_pieces(text, code) for text in texts],
    }
    for name, make in PEERS.get(code, {}).items():
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found[name] = make()
                found[name](["a"])
        except ModuleNotFoundError as err:
            print(f"{name} is left out: {err.name} is not installed")
    return found


# --- Figures ---------------------------------------------------------------------------------------------------------


def report(some: Set, rounds: int) -> None:
    found = ways(some.code)
    size = sum(len(text.encode()) for text in some.texts) / 1e6
    print(f"\n{some.code}, {some.name}: {len(some.texts)} texts, {size:.2f} MB")
    best, cuts = timed(found, some.texts, rounds)
    for name, seconds in best.items():
        quality = "" if some.gold is None else "F1 {:.4f}  P {:.4f}  R {:.4f}".format(*f1(some, cuts[name]))
        print(f"{name:22} {size / seconds:8.3f} MB/s  ours {seconds / best['ours, many']:8.1f}x  {quality}", flush=True)


def timed(found: dict[str, Many], texts: list[str], rounds: int) -> tuple[dict[str, float], dict[str, list[list[str]]]]:
    """The best round of each, one round for what takes longer than ten seconds; and its words."""
    best: dict[str, float] = {}
    cuts: dict[str, list[list[str]]] = {}
    for _ in range(rounds):
        for name, many in found.items():
            if best.get(name, 0.0) > 10:
                continue
            begin = time.perf_counter()
            cuts[name] = many(texts)
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - begin)
    return best, cuts


def f1(some: Set, cuts: list[list[str]]) -> tuple[float, float, float]:
    right = ours = theirs = 0
    for text, gold_words, found in zip(some.texts, some.gold or (), cuts, strict=True):
        a, b = spans(text, gold_words), spans(text, found)
        right, ours, theirs = right + len(a & b), ours + len(b), theirs + len(a)
    return 2 * right / (ours + theirs), right / ours, right / theirs


def spans(text: str, words: Iterable[str]) -> set[tuple[int, int]]:
    """Where each word begins and ends, without the space around it; what is not in the text is passed over."""
    at, found = 0, set()
    for word in words:
        letters = [char for char in word if not char.isspace() and char != "_"]
        begin = -1
        for letter in letters:
            place = text.find(letter, at)
            if place < 0:
                break
            begin, at = (place if begin < 0 else begin), place + 1
        if begin >= 0:
            found.add((begin, at))
    return found


if __name__ == "__main__":
    main()
