"""Learn the weights of lontar.text.zawgyi_model and write them beside it.

    python scripts/zawgyi/learn.py --data ../shared/data

From Burmese of the package's samples and the words of words.txt (both our own, CC0-1.0), once in Unicode and twice in
Zawgyi: as our converter writes it, and as people type it, with other shapes of the same signs; and from the rows of
tasks/zawgyi_unicode_pairs under Apache-2.0. Rows under other licences are never used. A weight is the logarithm of the
ratio of two probabilities of a character after two others, each smoothed by shorter contexts. The same bytes each time.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.text import zawgyi_model
from lontar.text.zawgyi_model import RELATED, UNRELATED, prepared
from lontar.text.zawgyi_rules import to_zawgyi

HERE = Path(__file__).parent
MODEL = Path(zawgyi_model.__file__).with_suffix(".jsonl")
SYMBOLS = 100
PRIOR_TWO, PRIOR_THREE = 4.0, 2.0
LARGEST, LARGEST_BACKED_OFF, LEAST_BACKED_OFF = 6.0, (-3.0, 2.0), 1.0
# Stacks are Zawgyi's killer and a letter far more often, but Pali has them too; extra shapes are Shan, Mon and Karen.
LARGEST_OF = {RELATED: 4.0, UNRELATED: 3.0}
EXTRA = re.compile("[\u1050-\u109f]")
LARGEST_EXTRA = 1.0
# Other ways to type the same, and how often.
TYPED = (
    ("\u1088", "\u103d\u1033", 0.3),
    ("\u1067", "\u1066", 0.5),
    ("\u1072", "\u1071", 0.5),
    ("\u1074", "\u1073", 0.5),
    ("\u1093", "\u107b", 0.5),
    ("\u1095", "\u1094", 0.2),
    ("\u1037", "\u1094", 0.3),
    ("\u101b(?=[\u102f\u1030\u103c\u103d\u1088\u108a])", "\u1090", 0.4),
    ("\u1033", "\u102f", 0.1),
    ("[\u107e-\u1084]", "\u103b", 0.1),
    ("\u105a", "\u102b\u1039", 0.2),
    ("\u108f", "\u1014", 0.05),
    ("\u106b", "\u100a", 0.3),
    ("\u102d\u102f", "\u102f\u102d", 0.05),
)


class Chain:
    """Counts of one encoding, and the probability of a character after two others."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.counts: Counter[str] = Counter()
        for text in texts:
            seen = prepared(text)
            for width in (1, 2, 3):
                self.counts.update(seen[i : i + width] for i in range(len(seen) - width + 1))
        self.total = sum(n for key, n in self.counts.items() if len(key) == 1)
        self.contexts: Counter[str] = Counter()
        for key, n in self.counts.items():
            self.contexts[key[:-1]] += n

    def log_probability(self, sequence: str) -> float:
        """Of the last character after the others."""
        found = (self.counts[sequence[-1]] + 0.5) / (self.total + 0.5 * SYMBOLS)
        for width, prior in ((2, PRIOR_TWO), (3, PRIOR_THREE))[: len(sequence) - 1]:
            part = sequence[-width:]
            found = (self.counts[part] + prior * found) / (self.contexts[part[:-1]] + prior)
        return math.log(found)


def learned(unicode: list[str], zawgyi: list[str]) -> Iterator[tuple[str, float]]:
    """Sequences of two and three characters with their weights."""
    ours, theirs = Chain(unicode), Chain(zawgyi)
    for sequence in sorted(ours.counts.keys() | theirs.counts.keys()):
        weight = theirs.log_probability(sequence) - ours.log_probability(sequence)
        least, most = -LARGEST, LARGEST
        if len(sequence) == 2:
            least, most = LARGEST_BACKED_OFF
            weight = weight if abs(weight) >= LEAST_BACKED_OFF else 0
        for char, bound in LARGEST_OF.items():
            most = min(most, bound) if char in sequence else most
        if EXTRA.search(sequence) and not theirs.counts[sequence]:
            most = min(most, LARGEST_EXTRA)
        if len(sequence) > 1:
            yield sequence, max(least, min(most, weight))


def ours() -> list[str]:
    """Burmese that we wrote."""
    found = [
        row["text"]
        for name in ("paragraphs", "parallel", "parity")
        for _, row in read_jsonl(samples.path(name) / "my.jsonl")
    ]
    for name in ("stories", "skills"):
        text = json.dumps(yaml.safe_load((samples.path(name) / "my.yaml").read_text("utf-8")), ensure_ascii=False)
        found += re.findall("[\u1000-\u109f][\u1000-\u109f ]*", text)
    return found


def typed(text: str, chance: random.Random) -> str:
    """Zawgyi as people type it."""
    for pattern, other, share in TYPED:
        text = re.sub(pattern, lambda found, o=other, s=share: o if chance.random() < s else found[0], text)
    return text


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data: Path = parser.parse_args().data
    chance = random.Random(0)
    unicode = ours() + (HERE / "words.txt").read_text("utf-8").split()
    zawgyi = [to_zawgyi(text) for text in unicode]
    zawgyi += [typed(text, chance) for text in zawgyi]
    unicode += unicode
    for _, row in read_jsonl(data / "tasks/zawgyi_unicode_pairs.jsonl.zst"):
        if row["license"] == "Apache-2.0":
            unicode += [row["unicode"]] * 2
            zawgyi += [row["text"]] * 2
    rows: defaultdict[tuple[int, float], list[str]] = defaultdict(list)
    for sequence, weight in learned(unicode, zawgyi):
        rows[len(sequence), round(weight, 1) + 0.0].append(sequence)
    with MODEL.open("w", encoding="utf-8") as file:
        for (width, nats), sequences in sorted(rows.items()):
            row = {"width": width, "nats": nats, "sequences": "".join(sequences)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{sum(map(len, rows.values()))} sequences, {MODEL.stat().st_size} bytes")


if __name__ == "__main__":
    main()
