"""Zawgyi: lines found and lines wrongly taken, words and phrases, exactness and speed, beside myanmartools.

    pip install --target PEERS myanmartools
    PYTHONPATH=PEERS python benchmarks/bench_zawgyi.py --data ../shared/data

Both run in this process by turns on the same lines, and the best round counts. The detector of myanmartools is a Markov
chain; a line is Zawgyi for it from a probability of 0.95 (its documentation), and its authors do the rest with ICU.
"""

from __future__ import annotations

import argparse
import importlib
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from lontar.core.shards import read_jsonl
from lontar.text.zawgyi import convert_lines, is_zawgyi, to_unicode, to_zawgyi

ROOT = Path(__file__).parents[1]
Way = Callable[[str], bool]


def rows(data: Path, name: str) -> Iterator[dict[str, str]]:
    """Texts by language of each row of a parallel set."""
    for _, row in read_jsonl(data / f"{name}.jsonl.zst"):
        yield {str(row["lang"]): str(row["text"]), **row.get("parallel", {})}  # type: ignore[dict-item]


def lines_of(data: Path) -> dict[str, list[str]]:
    """Sets of lines; the name says in which encoding they are."""
    pairs = [row for _, row in read_jsonl(data / "tasks/zawgyi_unicode_pairs.jsonl.zst")]
    found = {
        "zawgyi: web pages": [row["text"] for row in pairs if "real Zawgyi" in row["origin"]],
        "zawgyi: pairs": [row["text"] for row in pairs if "real Zawgyi" not in row["origin"]],
        "zawgyi: ntrex": [row["my"] for row in rows(data, "parallel/ntrex128") if burmese(row["my"])],
        "unicode: pairs": [row["unicode"] for row in pairs],
        "unicode: flores": [row["my"] for row in rows(data, "parallel/flores_sib200")],
        "unicode: tico19": [row["my"] for row in rows(data, "parallel/tico19") if "my" in row],
        "unicode: mono": [x for _, row in read_jsonl(data / "mono/my.jsonl.zst") for x in row["text"].split("\n")],
        "unicode: shan": [row["shn"] for row in rows(data, "parallel/flores_sib200")],
    }
    return {name: [line for line in some if burmese(line)] for name, some in found.items()}


def burmese(text: str) -> bool:
    return any("\u1000" <= char <= "\u109f" for char in text)


def phrases(lines: list[str], words: int) -> list[str]:
    parts = [line.split() for line in lines]
    return [" ".join(p[i : i + words]) for p in parts for i in range(0, len(p) - words + 1, 4) if burmese(p[i])]


def detection(ways: dict[str, Way], sets: dict[str, list[str]]) -> None:
    print(f"{'lines called Zawgyi':24}{'lines':>8}" + "".join(f"{name:>15}" for name in ways))
    for name, lines in sets.items():
        print(f"{name:24}{len(lines):8}" + "".join(f"{sum(map(way, lines)):15}" for way in ways.values()))
    for n in (1, 2, 3):
        some = phrases(sets["unicode: flores"], n)
        other = [new for text in some if (new := to_zawgyi(text)) != text]
        for name, texts in (("unicode", some), ("zawgyi", other)):
            counts = "".join(f"{sum(map(way, texts)):15}" for way in ways.values())
            print(f"{f'{name}: {n} words':24}{len(texts):8}{counts}")


def exactness(data: Path) -> None:
    pairs = [row for _, row in read_jsonl(data / "tasks/zawgyi_unicode_pairs.jsonl.zst")]
    for origin in sorted({row["origin"] for row in pairs}):
        some = [(to_unicode(row["text"]), row["unicode"]) for row in pairs if row["origin"] == origin]
        same = sum(a == b for a, b in some)
        nfc = sum(unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b) for a, b in some)
        print(f"to Unicode: {origin:45}{len(some):6} exact {same}, canonically equal {nfc}")


def speed(ways: dict[str, Way], data: Path, rounds: int) -> None:
    texts = {"english": [], "thai": [], "burmese": []}  # type: dict[str, list[str]]
    for row in rows(data, "parallel/flores_sib200"):
        for name, code in (("english", "en"), ("thai", "th"), ("burmese", "my")):
            texts[name].append(row[code])
    timed: dict[str, Callable[[str], object]] = {**ways, "lontar, to Unicode": convert_lines}
    for name, some in texts.items():
        lines = [to_zawgyi(line) for line in some] if name == "burmese" else some
        size = sum(len(line.encode()) for line in lines) / 1e6
        best = dict.fromkeys(timed, float("inf"))
        for _ in range(rounds):
            for key, way in timed.items():
                start = time.perf_counter()
                for line in lines:
                    way(line)
                best[key] = min(best[key], time.perf_counter() - start)
        print(f"{name:10}" + "".join(f"{key:>20}{size / seconds:8.1f} MB/s" for key, seconds in best.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ways: dict[str, Way] = {"lontar": is_zawgyi}
    try:
        detector = importlib.import_module("myanmartools").ZawgyiDetector()
        ways["myanmartools"] = lambda text: detector.get_zawgyi_probability(text) >= 0.95
    except ImportError:
        print("myanmartools is not installed")
    detection(ways, lines_of(options.data))
    exactness(options.data)
    speed(ways, options.data, options.rounds)


if __name__ == "__main__":
    main()
