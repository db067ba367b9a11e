"""What the shares of an extension rest on (ADR 7): which sentences tell the cost of a language, and which objective.

Both tables are of curves: what was learned lies in the artifact of an extension, and counting FLORES once tells the
tokens of every choice. The half of its rows is measured that `bench_tokenizer.py` measures.

    lontar tokenizer extend --base BASE --corpus CORPUS --out EXTENDED new_tokens=16384
    python benchmarks/bench_shares.py --base BASE --extended EXTENDED --corpus CORPUS

sources: tokens per character of a text with 4,000 merges of a script, best first, over those of FLORES.
objectives: mean, maximum and Gini of parity by the exponent, shares decided by the package's written sentences, with an
order of merges for every language (`own`) or one for all of a script (`one`).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from bench_tokenizer import SEA, encoded, parallel

from lontar.core.artifact import Corpus
from lontar.core.manifest import sha256_file
from lontar.tokenizer import allocate as sharing
from lontar.tokenizer.base import Bpe, open_base
from lontar.tokenizer.candidates import Candidates, Learned, candidates
from lontar.tokenizer.parity import gini
from lontar.tokenizer.sentences import WRITTEN, packaged_sentences

Texts = Mapping[str, Sequence[str]]
MERGES = 4000
EXPONENTS = (0.0, 1.0, 2.0, 4.0, 8.0, 20.0, 64.0)
# Parity of English and Chinese, which keep their tokens.
KEPT = (1.0, 1.03)


def main() -> None:
    options = parse()
    base = open_base(options.base)
    learned = Learned.load(options.extended, base, sha256_file(options.base / "tokenizer.json"))
    _, test = parallel(options.data)
    english = sum(map(len, encoded(base, test["en"]))) / len(test["en"])
    seen = {one.script: counted(learned.base, one, test) for one in learned.groups}
    sources(learned, seen, test, options.corpus)
    print()
    for budget in options.budgets:
        objectives(learned, seen, english, budget)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--extended", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--budgets", type=int, nargs="+", default=[16384])
    options = parser.parse_args()
    if not (options.data / "parallel").is_dir():
        parser.exit(0, f"{options.data}: no such data; nothing to measure\n")
    return options


def counted(base: Bpe, one: Candidates, texts: Texts) -> Candidates:
    """What the merges of a group save on other texts; a text is a sentence."""
    found = {
        lang: (base.count_pieces(texts[lang]), float(len(texts[lang]))) for lang in one.measured if texts.get(lang)
    }
    return replace(one, measured=candidates(base, one.script, one.merges, {}, found).measured)


def sources(learned: Learned, seen: Mapping[str, Candidates], test: Texts, folder: Path) -> None:
    """Tokens per character by each source, over FLORES."""
    corpus, every = Corpus.open(folder), packaged_sentences(SEA, "dev")
    written = packaged_sentences(SEA, "dev", written=True)
    given: dict[str, Texts] = {
        "everyday": {lang: [text for text in every[lang] if text not in written[lang]] for lang in SEA},
        f"written ({WRITTEN})": written,
        "held out": {lang: [d.text for d in islice(corpus.documents("heldout", [lang]), 300)] for lang in SEA},
    }
    print(f"{'tokens per character over FLORES':34}" + "".join(f"{lang:>7}" for lang in SEA))
    for name, texts in given.items():
        cells = {}
        for one in learned.groups:
            best = one.orders[-1][:MERGES]
            other = counted(learned.base, one, texts)
            for lang in one.measured:
                cells[lang] = per_character(other, lang, best, texts) / per_character(
                    seen[one.script], lang, best, test
                )
        print(f"{name:34}" + "".join(f"{cells[lang]:7.2f}" for lang in SEA))


def per_character(one: Candidates, lang: str, ranks: np.ndarray, texts: Texts) -> float:
    each = one.measured[lang]
    return float(each.start - each.saved[ranks].sum()) / sum(map(len, texts[lang]))


def objectives(learned: Learned, seen: Mapping[str, Candidates], english: float, budget: int) -> None:
    """Mean, maximum and Gini by exponent."""
    print(f"+{budget}, shares by the package's written sentences: mean / max / Gini")
    for exponent in EXPONENTS:
        sharing.EXPONENT["maximin"] = exponent
        cells = []
        for own in (True, False):
            offers = [one.offer(np.zeros(len(one.merges), dtype=bool)) for one in learned.groups]
            offers = [offer if own else replace(offer, orders=offer.orders[-1:]) for offer in offers]
            ranks = sharing.allocate(offers, budget)
            found = [
                (each.start - each.saved[ranks[script]].sum()) / each.sentences / english
                for script, one in seen.items()
                for each in one.measured.values()
            ]
            cells.append(f"{np.mean(found):.3f} / {max(found):.3f} / {gini([*found, *KEPT]):.3f}")
        print(f"p = {exponent:4.0f}   own {cells[0]}   one {cells[1]}")


if __name__ == "__main__":
    main()
