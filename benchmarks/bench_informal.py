"""Informal text: how well registers are told, how near standard spelling comes, what is changed in edited text.

    python benchmarks/bench_informal.py --data ../shared/data

No peer: no library does this for the languages of the region. Tweets with their formal rewritings: STIF (Indonesian);
edited sentences: FLORES.
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from lontar.core.shards import read_jsonl
from lontar.text.informal import codes, normalize_informal, register

ROOT = Path(__file__).parents[1]


def alike(first: str, second: str) -> float:
    """Share of words in common, in order."""
    return difflib.SequenceMatcher(None, first.lower().split(), second.lower().split()).ratio()


def tweets(data: Path) -> None:
    rows = [row for _, row in read_jsonl(data / "tasks/style_stif_id.jsonl.zst")]
    for name, field in (("tweets", "text"), ("rewritings", "formal")):
        share = sum(register(str(row[field]), "id").label == "informal" for row in rows) / len(rows)
        print(f"id, {len(rows)} {name}: {share:.2f} informal")
    some = [(str(row["text"]), str(row["formal"])) for row in rows[:800]]
    before = sum(alike(text, formal) for text, formal in some) / len(some)
    after = sum(alike(normalize_informal(text, "id").text, formal) for text, formal in some) / len(some)
    print(f"id, words in common with the rewriting: {before:.2f}, standard spelling {after:.2f}")


def edited(data: Path, count: int = 400) -> None:
    texts: dict[str, list[str]] = {code: [] for code in codes()}
    for number, row in read_jsonl(data / "parallel/flores_sib200.jsonl.zst"):
        if number <= count:
            for code, text in {str(row["lang"]): row["text"], **row["parallel"]}.items():  # type: ignore[dict-item]
                texts.setdefault(code, []).append(str(text))
    for code in codes():
        informal = sum(register(text, code).label == "informal" for text in texts[code])
        changed = sum(len(normalize_informal(text, code).edits) for text in texts[code])
        print(f"{code}, {len(texts[code])} edited sentences: {informal} called informal, {changed} words changed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    data = parser.parse_args().data
    tweets(data)
    edited(data)


if __name__ == "__main__":
    main()
