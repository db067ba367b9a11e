"""Figures of the language model on texts it never saw: share right by language and domain, and what was taken for what.

python scripts/langid/measure.py --data ../shared/data [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import sources

from lontar.text.langid import identify_many, latin

NINETEEN = "ind zsm jav sun min ban ace bjn ceb ilo war tgl vie tha lao mya khm tam zho eng".split()
ELEVEN = "ind zsm tha vie khm mya lao tgl jav sun ceb".split()
HERE = Path(__file__).parent


def measured(data: Path) -> dict[tuple[str, str], Counter[str]]:
    """Labels given, by language and domain."""
    found = {}
    for cell, texts in sources.cells(data).items():
        found[cell] = Counter(each.label for each in identify_many(texts))
    return found


def mean(found: dict[tuple[str, str], Counter[str]], languages: list[str]) -> float:
    """Mean over cells of the share right."""
    cells = [n[language] / n.total() for (language, _), n in found.items() if language in languages]
    return sum(cells) / len(cells)


def markdown(found: dict[tuple[str, str], Counter[str]]) -> str:
    """One row for each language of the nineteen: share right by domain, and what it was taken for, all domains."""
    domains = ["flores", "ntrex", "news/wiki", "news headlines", "review", "short", "social", "forum", "udhr"]
    lines = [f"| language | {' | '.join(domains)} | taken for |", "|---" * (len(domains) + 2) + "|"]
    for language in NINETEEN:
        cells = {domain: n for (each, domain), n in found.items() if each == language}
        shares = [f"{cells[d][language] / cells[d].total():.3f}" if d in cells else "" for d in domains]
        wrong = sum(cells.values(), Counter())
        texts = wrong.total()
        del wrong[language]
        most = ", ".join(f"{label} {n}" for label, n in wrong.most_common(4)) or "–"
        lines.append(f"| {language} | {' | '.join(shares)} | {most} (of {texts}) |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared/data")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true", help="as the table of benchmarks/RESULTS.md, 19 languages")
    parser.add_argument("--model", type=Path, help="folder of another latin.npy and latin.json")
    arguments = parser.parse_args()
    if arguments.model:
        latin.FOLDER = arguments.model
    found = measured(arguments.data)
    if arguments.markdown:
        print(markdown(found))
        return
    for (language, domain), n in found.items():
        wrong = ", ".join(f"{label} {count}" for label, count in n.most_common(6) if label != language)
        print(f"{language:9}{domain:16}{n.total():5}{n[language] / n.total():8.3f}  {wrong}")
    for name, languages in (("19 languages", NINETEEN), ("11 core languages", ELEVEN)):
        apart = {cell: n for cell, n in found.items() if cell[1] != "udhr"}
        print(f"{name}: {mean(found, languages):.4f} (without udhr {mean(apart, languages):.4f})")
    if arguments.json:
        rows = [{"language": cell[0], "domain": cell[1], "labels": dict(n)} for cell, n in found.items()]
        arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
