"""Our language identifier against CLD2 and py3langid: share right by language and domain, mixed text, speed.

    pip install --target PEERS --no-deps pycld2 py3langid
    PYTHONPATH=PEERS python benchmarks/bench_langid.py --data ../shared/data

All run in this process by turns on the same texts, and the best round counts. The cells are those of
`scripts/langid/measure.py`: texts that the model was not trained on. A mixed text is the first half of one sentence and
the second half of another, in another language; both must be found.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "langid"))

import measure  # noqa: E402
import sources  # noqa: E402

from lontar.text.langid import identify_many, report_many  # noqa: E402

Labels = Callable[[Sequence[str]], list[str]]
PAIRS = "jav-ind sun-ind ind-eng zsm-eng tgl-eng vie-eng tha-eng zho-eng".split()
TO_ISO = {"fil": "tgl", "tl": "tgl", "ms": "zsm", "id": "ind", "jv": "jav", "jw": "jav", "su": "sun", "iw": "heb"}


def peers() -> dict[str, Labels]:
    """Those that can be imported."""
    found: dict[str, Labels] = {}
    try:
        cld2 = importlib.import_module("pycld2")
        found["pycld2"] = lambda texts: [_iso(_cld2(cld2, text)) for text in texts]
    except ImportError:
        print("pycld2 is not installed")
    try:
        classify = importlib.import_module("py3langid").classify
        found["py3langid"] = lambda texts: [_iso(classify(text)[0]) for text in texts]
    except ImportError:
        print("py3langid is not installed")
    return found


def _cld2(cld2: object, text: str) -> str:
    try:
        return str(cld2.detect(text)[2][0][1])  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - it refuses control characters and halves of pairs
        return "un"


def _iso(label: str) -> str:
    label = label.split("-")[0]
    return TO_ISO.get(label, sources.code(label))


def accuracy(ways: dict[str, Labels], data: Path) -> None:
    shares: dict[str, dict[tuple[str, str], float]] = {name: {} for name in ways}
    for cell, texts in sources.cells(data).items():
        if cell[0] in measure.NINETEEN:
            for name, way in ways.items():
                shares[name][cell] = sum(label == cell[0] for label in way(texts)) / len(texts)
    print(f"{'':12}{'19 languages':>14}{'11 core':>10}")
    for name, cells in shares.items():
        eleven = [share for (language, _), share in cells.items() if language in measure.ELEVEN]
        print(f"{name:12}{statistics.mean(cells.values()):14.3f}{statistics.mean(eleven):10.3f}")


def halves(text: str) -> tuple[str, str]:
    """Cut at a space in the middle, or between characters where there are no spaces."""
    if len(words := text.split()) > 6:
        return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    return text[: len(text) // 2], text[len(text) // 2 :]


def mixed(data: Path, count: int = 400) -> None:
    rows = []
    for row in list(sources.rows(data / "parallel/flores_sib200.jsonl.zst"))[: count + 1]:
        found: dict[str, str] = {}
        for label, text in [(row["lang"], row["text"]), *row["parallel"].items()]:
            found.setdefault(sources.code(label), text)
        rows.append(found)
    shares = []
    for pair in PAIRS:
        one, other = pair.split("-")
        texts = []
        for i in range(count):
            a, b = (one, other) if i % 2 else (other, one)
            if a in rows[i] and b in rows[i + 1]:
                texts.append(f"{halves(rows[i][a])[0]} {halves(rows[i + 1][b])[1]}")
        both = sum({one, other} <= set(found.languages) for found in report_many(texts)) / len(texts)
        shares.append(both)
        print(f"mixed {pair:10}{len(texts):5}{both:8.3f}")
    print(f"mixed, mean {statistics.mean(shares):.3f}")
    for code in measure.NINETEEN:
        whole = [row[code] for row in rows[:300] if code in row]
        called = sum(len(found.languages) > 1 for found in report_many(whole)) / len(whole)
        print(f"whole sentences called mixed: {code} {called:.3f}")


def speed(ways: dict[str, Labels], data: Path, rounds: int) -> None:
    texts = [row["text"] for row in sources.rows(data / "tasks/lid.jsonl.zst")]
    texts += [t for (lang, _), some in sources.cells(data).items() if lang in measure.NINETEEN for t in some]
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way(texts)
            best[name] = min(best[name], time.perf_counter() - start)
    print(f"{len(texts)} texts, {size:.1f} MB, best of {rounds}")
    for name, seconds in best.items():
        print(f"{name:16}{size / seconds:8.2f} MB/s{best['lontar'] / seconds:8.2f} of ours")


FIRST = "import time; t=time.perf_counter(); from lontar.text.langid import identify; identify('selamat pagi'); "


def first_call(rounds: int = 5) -> None:
    command = [sys.executable, "-c", f"{FIRST}print(time.perf_counter() - t)"]
    seconds = [float(subprocess.run(command, capture_output=True, check=True, text=True).stdout) for _ in range(rounds)]
    print(f"import and first call {min(seconds):.3f} s (best of {rounds}), {statistics.median(seconds):.3f} s (median)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ways: dict[str, Labels] = {"lontar": _batched(lambda texts: [each.label for each in identify_many(texts)])}
    ways |= peers()
    accuracy(ways, options.data)
    mixed(options.data)
    with_spans = _batched(lambda texts: [each.identified.label for each in report_many(texts)])
    speed({**ways, "lontar, spans": with_spans}, options.data, options.rounds)
    first_call()


def _batched(way: Labels, size: int = 256) -> Labels:
    return lambda texts: [label for i in range(0, len(texts), size) for label in way(texts[i : i + size])]


if __name__ == "__main__":
    main()
