"""Train the models of `lontar.text.boundaries` and write them to src/lontar/text/segmenters.

    pip install scikit-learn
    python scripts/segmenters/train.py --data ../shared/data th my

Thai: gold words of Wisesight-1000 (CC0-1.0) and TALPCo (CC-BY-4.0). Burmese: gold words of TALPCo; they are 782 short
everyday sentences, so a teacher (`teacher.py`) learns from them what joins and what parts words by counts alone, cuts
TICO-19 (CC0-1.0), Mozilla's pages (MPL-2.0) and our samples (CC0-1.0) by that, and the model learns from both. No row
under other terms is read. A fifth of Wisesight-1000 is held out, for benchmarks/bench_segment.py: heldout.json beside
this file has its ids. `--folds 5` reports F1 by cross-validation as well. Near-duplicates are never on both sides.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from teacher import Teacher

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.text import boundaries, segment, words
from lontar.text.hidden import shown

PERMISSIVE = {"CC0-1.0", "CC-BY-4.0", "CC-BY-2.0", "MPL-2.0", "Apache-2.0"}
RUNNING = ("parallel/tico19", "parallel/mozilla_www", "parallel/tico19_terms", "parallel/tatoeba_laser")
# Weight of a place in the gold sets against one that the teacher judged.
GOLD_WEIGHT = 2.0
REGULARIZATION = {"th": 1.0, "my": 0.1}
HELD_OUT = Path(__file__).parent / "heldout.json"
Cut = list[str]


def main() -> None:
    """Train and write the models that are asked for."""
    options = parse()
    for code in options.languages:
        sets = [list(talpco(options.data, code))]
        if code == "th":
            sets.append(wisesight(options.data))
        if options.folds:
            cross_validate(sets, code, options.folds)
        weights = trained([cut for cuts in sets for cut in cuts], code, options.data)
        np.save(boundaries.MODELS / f"{code}.npy", scaled(weights))
        print(code, "written,", int((weights != 0).sum()), "weights")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="+", choices=sorted(REGULARIZATION))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folds", type=int, default=0)
    return parser.parse_args()


def wisesight(data: Path) -> list[Cut]:
    """The gold posts, less the fifth that is held out; writes which those are."""
    rows = [row for _, row in read_jsonl(data / "tasks/wordseg_wisesight_th.jsonl.zst")]
    fold = folds_of([row["text"] for row in rows], 5)
    held = sorted(row["id"] for row, f in zip(rows, fold, strict=True) if f == 0)
    HELD_OUT.write_text(json.dumps(held, indent=0) + "\n", encoding="utf-8")
    for row in rows:
        check(row)
    kept = [row["tokens"] for row, f in zip(rows, fold, strict=True) if f != 0]
    return [[bare for token in tokens if (bare := token.replace("\u200b", ""))] for tokens in kept]


def check(row: Any) -> None:
    """Stop at a row whose terms rule training out."""
    if row["license"] not in PERMISSIVE:
        raise SystemExit(f"{row['id']} is under {row['license']}: not to be trained on")


def talpco(data: Path, code: str) -> Iterable[Cut]:
    """Sentences whose tokens, with the spaces between them, give the text."""
    for _, row in read_jsonl(data / "parallel/talpco.jsonl.zst"):
        check(row)
        text, at, cut = row["parallel"].get(code, ""), 0, []
        for token in row["tokens"].get(code, ()):
            start = text.find(token, at)
            if start < 0 or text[at:start].strip():
                break
            cut += [text[at:start], token] if start > at else [token]
            at = start + len(token)
        if at == len(text) > 1:
            yield cut


def running_text(data: Path, code: str, without: Sequence[Cut]) -> list[str]:
    """Lines of text under permissive terms, less the sentences in `without`; sorted, then shuffled by a fixed seed."""
    known = {"".join(cut).strip() for cut in without}
    lines: set[str] = set()
    for name in RUNNING:
        for _, row in read_jsonl(data / f"{name}.jsonl.zst"):
            if row["license"] in PERMISSIVE:
                lines.update(row["parallel"].get(code, "").split("\n"))
    for name in ("paragraphs", "parallel"):
        for _, row in read_jsonl(samples.path(name) / f"{code}.jsonl"):
            if row["split"] == "train":
                lines.update(row["text"].split("\n"))
    found = sorted(shown(line, code) for line in lines if len(line) > 3 and line.strip() not in known)
    random.Random(0).shuffle(found)
    return found


def trained(gold: list[Cut], code: str, data: Path) -> Any:
    """Weights from the gold sentences, for Burmese from what the teacher makes of running text as well."""
    if code != "my":
        return fit([(gold, 1.0)], code)
    text = running_text(data, code, gold)
    teacher = Teacher(text, code).fit(gold)
    silver = [teacher.cut(line) for line in text]
    # Half of it without spaces: some write Burmese without any.
    silver = [unspaced(cut) if number % 2 else cut for number, cut in enumerate(silver)]
    return fit([(silver, 1.0), ([*gold, *map(unspaced, gold)], GOLD_WEIGHT)], code)


def unspaced(cut: Cut) -> Cut:
    """The same without its spaces."""
    return [piece for piece in cut if piece.strip()]


def fit(sets: Sequence[tuple[list[Cut], float]], code: str) -> Any:
    """Weights of logistic regression over sets of cut texts, each with the weight of its places."""
    parts = [(*places(cuts, code)[:2], weight) for cuts, weight in sets]
    features = sparse.vstack([part[0] for part in parts])
    answers = np.concatenate([part[1] for part in parts])
    importance = np.concatenate([np.full(part[1].size, part[2]) for part in parts])
    model = LogisticRegression(
        C=REGULARIZATION[code], solver="liblinear", fit_intercept=False, tol=1e-3, random_state=0
    )
    return model.fit(features, answers, sample_weight=importance).coef_[0]


def places(cuts: Iterable[Cut], code: str) -> tuple[Any, Any, list[int]]:
    """One row of features for each place in the texts, the right answer for each, and how many places each text has."""
    rows, answers, sizes = [], [], []
    for cut in cuts:
        text = "".join(cut)
        seen = shown(text, code)
        start = np.frombuffer(bytes(words.first_cuts(seen, segment.icu_pieces(seen, code), code)), np.uint8).astype(
            bool
        )
        rows.append(np.concatenate(list(boundaries.indices(boundaries.codes_of(seen), start))).T)
        answers.append(np.frombuffer(bytes(words.cuts_of(text, cut)), np.uint8)[1:-1] > 0)
        sizes.append(len(text) - 1)
    index = np.concatenate(rows)
    ends = np.arange(0, index.size + 1, index.shape[1])
    shape = (len(index), 1 << boundaries.BITS)
    features = sparse.csr_matrix((np.ones(index.size, np.float32), index.ravel().astype(np.int32), ends), shape=shape)
    features.sum_duplicates()
    return features, np.concatenate(answers), sizes


def scaled(weights: Any) -> Any:
    """Whole numbers of two bytes; only their sum's sign counts."""
    return np.round(weights * (2**15 - 1) / np.abs(weights).max()).astype(np.int16)


def cross_validate(sets: Sequence[list[Cut]], code: str, folds: int) -> None:
    """Print F1 on each gold set, by models that saw neither its texts nor near-duplicates of them."""
    gold = [cut for cuts in sets for cut in cuts]
    fold = folds_of(["".join(cut) for cut in gold], folds)
    found: dict[int, bytes] = {}
    for held in range(folds):
        weights = fit([([cut for cut, f in zip(gold, fold, strict=True) if f != held], 1.0)], code)
        numbers = [number for number, f in enumerate(fold) if f == held]
        features, _, sizes = places([gold[number] for number in numbers], code)
        parts = np.split(features @ weights > 0, np.cumsum(sizes)[:-1])
        found |= {number: b"\1" + part.tobytes() + b"\1" for number, part in zip(numbers, parts, strict=True)}
    start = 0
    for cuts in sets:
        pairs = [(cut, found[number]) for number, cut in enumerate(cuts, start)]
        print(f"{code}: {folds} folds, {len(cuts)} texts, F1 {f1(pairs):.4f}")
        start += len(cuts)


def f1(pairs: Iterable[tuple[Cut, bytes]]) -> float:
    """Word F1: a word is right when it begins and ends as in the gold cut."""
    right = total = 0
    for cut, found in pairs:
        text = "".join(cut)
        gold, ours = spans(text, words.cuts_of(text, cut)), spans(text, found)
        right, total = right + len(gold & ours), total + len(gold) + len(ours)
    return 2 * right / total


def spans(text: str, cuts: bytes | bytearray) -> set[tuple[int, int]]:
    """Begin and end of each piece that is no space."""
    at = [place for place, cut in enumerate(cuts) if cut]
    return {(a, b) for a, b in pairwise(at) if text[a:b].strip()}


def folds_of(texts: list[str], folds: int, n: int = 14) -> list[int]:
    """A fold for each text; texts that share a run of 14 letters, whatever the spaces, are in the same."""
    root = list(range(len(texts)))

    def find(x: int) -> int:
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        return x

    first: dict[str, int] = {}
    for number, text in enumerate(re.sub(r"\s+", "", text) for text in texts):
        for start in range(max(1, len(text) - n + 1)):
            root[find(number)] = find(first.setdefault(text[start : start + n], number))
    groups = [find(x) for x in range(len(texts))]
    load, chosen = [0] * folds, {}
    for group, size in sorted(Counter(groups).items(), key=lambda item: (-item[1], item[0])):
        chosen[group] = load.index(min(load))
        load[chosen[group]] += size
    return [chosen[group] for group in groups]


if __name__ == "__main__":
    main()
