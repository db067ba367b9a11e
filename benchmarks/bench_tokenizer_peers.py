"""Merges per second of our continued BPE beside two peers, and what the merges are worth: same text, same merges.

    git clone https://github.com/taidopurason/tokenizer-extension PEERS/extension
    git clone https://github.com/swiss-ai/parity-aware-bpe PEERS/parity
    python benchmarks/bench_tokenizer_peers.py --extension-repo PEERS/extension --parity-repo PEERS/parity

Measured: tokenizer-extension 15e9ed7f (arXiv 2512.03989) and parity-aware-bpe 3a0db4fd (arXiv 2508.04796, as it stands
in the history of the fork github.com/cimeister/parity-aware-bpe); both need `tqdm`, `numpy` and `tokenizers`. At its
head, 9e310915, that fork has a module meant to be faster (`--parity-module parity_aware_learn_bpe_optimized`); on this
text it stops after 177 merges. Without a folder the peer is left out.

All run in this process by turns, ours on one thread as theirs are; medians count. Files are read, text is normalized
and the base is loaded before the clock starts; cutting text into pre-tokens and encoding it are in the time.

extension: Burmese lines, merges on top of Qwen3 with the `qwen35` pattern; tokens are counted on unseen lines.
parity: five scripts from bytes alone, with the same pattern. Theirs gives each merge to the language with most tokens
on the development sentences while it learns; ours learns `--learn` in each script, then gives `--merges` of all out by
the same sentences. Both then have the same number of merges, and the seconds to get there are compared (`ratio`);
merges learned per second count all that the allocation chooses from (`learned_ratio`). Parity is the tokens of the
longest language on the other half of the sentences. It is also given relative to the mean of the five, which alone says
nothing of how long they are. Our `maximin` minimizes the sum of eighth powers, which lets the longest be longer where
that shortens the others; p = 64 is all but the maximum, which is what the reference minimizes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.util
import inspect
import io
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from lontar import languages
from lontar.core.shards import read_jsonl
from lontar.models.vocab import byte_characters
from lontar.text.zawgyi import convert_lines
from lontar.tokenizer.allocate import EXPONENT, Offer, allocate, best_first, parts_by_rank, savings
from lontar.tokenizer.base import Bpe, Pair, open_base
from lontar.tokenizer.guard import has_script, own_script
from lontar.tokenizer.merges import Settings, learn

ROOT = Path(__file__).parents[1]
LANGS = ("my", "km", "lo", "ta", "th")
# The peers limit no token's length.
NO_LIMIT = 1_000_000
HELD_LINES = 1000
STRICT = 64.0
EXTENSION_BAR, PARITY_BAR, WORSE_PERCENT = 10, 50, 1.0
# What was measured when the bars were set, on two cores.
NOTED = {
    "extension": "noted earlier: 22.4 s, 12 to 13 times ours, on 6,000 lines and 2,000 merges",
    "parity": "noted earlier: 86 s for 1,442 merges of 5 x 0.7 MB, 39.8 to 39.95 thousand tokens in each language",
}
Row = dict[str, Any]
Way = Callable[[Bpe], list[Pair]]


class Lines(list[str]):
    """Lines in memory that the reference reads like a file."""

    name = "lines"


def main() -> None:
    options = parse()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    rows: list[Row] = []
    if "extension" in options.only:
        rows += extension(options)
    if "parity" in options.only:
        rows += parity(options)
    print(json.dumps(rows, ensure_ascii=False))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--extension-repo", type=Path, help="checkout of tokenizer-extension")
    parser.add_argument("--parity-repo", type=Path, help="checkout of parity-aware-bpe")
    parser.add_argument("--parity-module", default="parity_aware_learn_bpe", help="which module of it learns")
    parser.add_argument("--only", nargs="+", choices=("extension", "parity"), default=["extension", "parity"])
    parser.add_argument("--lines", type=int, default=6000, help="Burmese lines for the extension")
    parser.add_argument("--new-tokens", type=int, default=2000, help="merges of the extension")
    parser.add_argument("--mb", type=float, default=0.7, help="text per language for parity")
    parser.add_argument("--merges", type=int, default=1442, help="merges for parity")
    parser.add_argument("--learn", type=int, default=4000, help="merges that ours learns per script to choose from")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="for ours; the peers have one")
    options = parser.parse_args()
    if not (options.data / "mono").is_dir():
        parser.exit(0, f"{options.data}: no such data; nothing to measure\n")
    return options


def extension(options: argparse.Namespace) -> list[Row]:
    base = open_base(options.data / "tokenizers/qwen3").with_pattern("qwen35")
    lines = list(islice(mono(base, options.data, "my"), options.lines + HELD_LINES))
    learned, held = lines[: options.lines], lines[options.lines :]
    plain = Settings(options.new_tokens, 1, NO_LIMIT, grapheme_first=False)
    first = Settings(options.new_tokens, 1, NO_LIMIT, grapheme_first=True)
    ways: dict[str, Way] = {}
    if train := extension_peer(options.extension_repo):
        ways["tokenizer-extension"] = lambda fresh: train(fresh, learned, options.new_tokens)
    ways["lontar"] = lambda fresh: continued(fresh, learned, plain)
    ways["lontar, characters first"] = lambda fresh: continued(fresh, learned, first)
    size = sum(len(line.encode()) for line in learned) / 1e6
    print(f"\nextension of Qwen3: {len(learned)} Burmese lines, {size:.1f} MB; tokens on {len(held)} unseen lines")
    start = tokens(base, held)
    seconds, made = by_turns(base, ways, options.rounds)
    rows = []
    for name, merges in made.items():
        count = tokens(base.extended(merges), held)
        rows.append({**timing("extension", name, len(merges), seconds[name]), "tokens": count, "tokens_before": start})
    compare(rows, "tokenizer-extension", EXTENSION_BAR)
    for row in rows:
        print(f"{head(row)}  tokens {row['tokens']:8} of {start}")
    if "tokenizer-extension" in made:
        theirs, ours = set(made["tokenizer-extension"]), set(made["lontar"])
        print(f"merges in common: {len(theirs & ours)} of {len(theirs)}")
    return rows


def continued(base: Bpe, lines: Sequence[str], settings: Settings) -> list[Pair]:
    return learn(base, base.count_pieces(lines), settings)


def extension_peer(repo: Path | None) -> Callable[[Bpe, Sequence[str], int], list[Pair]] | None:
    if absent(repo, "tokenizer_extension/train_vocab_extension.py", "extension"):
        return None
    sys.path.insert(0, str(repo))
    peer = importlib.import_module("tokenizer_extension.train_vocab_extension")

    def train(base: Bpe, lines: Sequence[str], n: int) -> list[Pair]:
        # Of a transformers tokenizer it reads the one that is wrapped, and nothing else.
        wrapped = SimpleNamespace(_tokenizer=base.tokenizer)
        found: list[Pair] = peer.train_vocab_extension(tokenizer=wrapped, corpus=lines, extension_size=n)["merges"]
        return found

    return train


def parity(options: argparse.Namespace) -> list[Row]:
    base = bytes_alone(open_base(options.data / "tokenizers/qwen3").with_pattern("qwen35"))
    texts = {lang: share(base, options.data, lang, options.mb) for lang in LANGS}
    development, test = parallel(base, options.data)
    n = options.merges
    ways: dict[str, Way] = {}
    if reference := parity_peer(options.parity_repo, options.parity_module):
        ways["parity-aware-bpe"] = lambda fresh: reference(fresh, texts, development, n)
    usual = EXPONENT["maximin"]
    ours = {
        "lontar": (False, usual),
        "lontar, p = 64": (False, STRICT),
        "lontar, characters first": (True, usual),
        "lontar, both": (True, STRICT),
    }
    learned: defaultdict[str, list[int]] = defaultdict(list)
    for name, (first, exponent) in ours.items():
        settings = Settings(options.learn, 2, NO_LIMIT, grapheme_first=first)
        ways[name] = partial(
            allocated,
            texts=texts,
            development=development,
            settings=settings,
            budget=n,
            exponent=exponent,
            learned=learned[name],
        )
    print(f"\nparity from bytes: {', '.join(LANGS)} x {options.mb} MB, {len(test['my'])} test sentences")
    seconds, made = by_turns(base, ways, options.rounds)
    rows = []
    for name, merges in made.items():
        full = base.extended(merges)
        row = timing("parity", name, len(merges), seconds[name])
        count = learned[name][-1] if learned[name] else len(merges)
        row |= {"learned": count, "learned_per_second": round(count / row["seconds"], 1)}
        for part, sentences in (("development", development), ("test", test)):
            row[part] = {lang: round(tokens(full, some) / len(some), 2) for lang, some in sentences.items()}
        longest = max(row["test"].values())
        row |= {"longest": longest, "mean": round(statistics.mean(row["test"].values()), 2)}
        rows.append(row | {"longest_to_mean": round(longest / row["mean"], 4)})
    compare(rows, "parity-aware-bpe", PARITY_BAR)
    print(" " * 80 + "tokens per test sentence " + " / ".join(LANGS))
    for row in rows:
        each = " / ".join(f"{row['test'][lang]:.1f}" for lang in LANGS)
        print(f"{head(row)}  learned {row['learned']:6} ({row['learned_per_second']:.1f}/s)  {each}")
    against(rows)
    return rows


def against(rows: Sequence[Row]) -> None:
    """How much worse than the reference's our parity is, and the two ways to count merges per second."""
    theirs = next((row for row in rows if row["name"] == "parity-aware-bpe"), None)
    for row in rows:
        note = f"{row['name']}: longest {row['longest']}, {row['longest_to_mean']} of the mean"
        if theirs and row is not theirs and row["merges"] != theirs["merges"]:
            note += f"; no comparison: the reference stopped after {theirs['merges']} merges"
        elif theirs and row is not theirs:
            for key in ("longest", "mean", "longest_to_mean"):
                row[f"{key}_worse_percent"] = round(100 * (row[key] / theirs[key] - 1), 2)
            row["learned_ratio"] = round(row["learned_per_second"] / theirs["learned_per_second"], 1)
            met = row["longest_worse_percent"] <= WORSE_PERCENT
            note += (
                f"; longest {row['longest_worse_percent']:+.2f} % ({'within' if met else 'over'} {WORSE_PERCENT:g} %), "
                f"to mean {row['longest_to_mean_worse_percent']:+.2f} %; "
                f"{row['ratio']} x by merges given out, {row['learned_ratio']} x by merges learned"
            )
        print(note)


def allocated(
    base: Bpe,
    texts: Mapping[str, Sequence[str]],
    development: Mapping[str, Sequence[str]],
    settings: Settings,
    budget: int,
    exponent: float,
    learned: list[int],
) -> list[Pair]:
    """Learn in each script, then share out by the development sentences."""
    offers, merges_of = [], {}
    for lang in texts:
        script = languages.get(lang).script
        pieces = {piece: n for piece, n in base.count_pieces(texts[lang]).items() if has_script(piece, script)}
        merges = own_script(learn(base, pieces, settings), script)
        full, measured = base.extended(merges), base.count_pieces(development[lang])
        trained, gains = savings(full, merges, pieces), savings(full, merges, measured)
        sentences = len(development[lang])
        offers.append(
            Offer(
                script,
                len(merges),
                {lang: sum(len(piece) * n for piece, n in measured.items()) / sentences},
                {lang: np.array([gains[pair] for pair in merges]) / sentences},
                [best_first([trained[pair] for pair in merges], parts_by_rank(merges))],
            )
        )
        merges_of[script] = merges
    with patch.dict(EXPONENT, maximin=exponent):
        chosen = allocate(offers, budget)
    learned.append(sum(map(len, merges_of.values())))
    return [merges_of[script][rank] for script, ranks in chosen.items() for rank in ranks]


def parity_peer(
    repo: Path | None, name: str
) -> Callable[[Bpe, Mapping[str, Sequence[str]], Mapping[str, Sequence[str]], int], list[Pair]] | None:
    if repo is None or absent(repo, f"parity_aware_bpe/{name}.py", "parity"):
        return None
    with contextlib.redirect_stderr(io.StringIO()):
        peer = module(repo / f"parity_aware_bpe/{name}.py")

    def train(
        base: Bpe, texts: Mapping[str, Sequence[str]], development: Mapping[str, Sequence[str]], n: int
    ) -> list[Pair]:
        # Its command line sets the pre-tokenizer as a global; the optimized module takes it as an argument, and would
        # leave out words seen once.
        cut = base.tokenizer.pre_tokenizer
        vars(peer)["pre_tokenizer"] = cut
        extra = {"pre_tokenizer": cut, "vocab_min_freq": 1}
        known = inspect.signature(peer.learn_bpe).parameters
        out = io.StringIO()
        peer.learn_bpe(
            [Lines(texts[lang]) for lang in LANGS],
            out,
            [Lines(development[lang]) for lang in LANGS],
            n,
            **{key: value for key, value in extra.items() if key in known},
        )
        pairs = [line.split(" ") for line in out.getvalue().splitlines() if not line.startswith("#version")]
        return [(left, right) for left, right in pairs]

    return train


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


def absent(repo: Path | None, file: str, peer: str) -> bool:
    if repo is not None and (repo / file).is_file():
        return False
    reason = "no checkout was given" if repo is None else f"{repo} has no {file}"
    print(f"{peer} peer left out: {reason}; {NOTED[peer]}")
    return True


def bytes_alone(base: Bpe) -> Bpe:
    """The base's way of cutting text, with the 256 bytes for tokens and no merges."""
    vocab = {char: byte for byte, char in byte_characters().items()}
    return Bpe({**base.tree, "added_tokens": [], "model": {**base.tree["model"], "vocab": vocab, "merges": []}})


def warm(base: Bpe) -> Bpe:
    """The base anew, loaded: nothing that an earlier round has encoded is kept."""
    fresh = Bpe(base.tree)
    fresh.split("a")
    fresh.encode("a")
    return fresh


def by_turns(base: Bpe, ways: Mapping[str, Way], rounds: int) -> tuple[dict[str, list[float]], dict[str, list[Pair]]]:
    """Seconds of every round, and what was learned in the last."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    made = {}
    for _ in range(rounds):
        for name, way in ways.items():
            fresh = warm(base)
            gc.collect()
            with contextlib.redirect_stderr(io.StringIO()):
                begin = time.perf_counter()
                made[name] = way(fresh)
                seconds[name].append(time.perf_counter() - begin)
    return seconds, made


def timing(part: str, name: str, merges: int, seconds: Sequence[float]) -> Row:
    median = statistics.median(seconds)
    return {
        "part": part,
        "name": name,
        "merges": merges,
        "seconds": round(median, 2),
        "rounds": [round(one, 2) for one in seconds],
        "merges_per_second": round(merges / median, 1),
    }


def compare(rows: Sequence[Row], peer: str, bar: float) -> None:
    theirs = next((row for row in rows if row["name"] == peer), None)
    for row in rows:
        if theirs and row is not theirs:
            ratio = row["merges_per_second"] / theirs["merges_per_second"]
            row |= {"ratio": round(ratio, 1), "bar": bar, "met": ratio >= bar and row["merges"] == theirs["merges"]}


def head(row: Row) -> str:
    ratio = f"{row['ratio']:6.1f} x (bar {row['bar']})" if "ratio" in row else ""
    speed = f"{row['seconds']:8.2f} s {row['merges']:6} merges {row['merges_per_second']:9.1f}/s"
    return f"{row['name']:26} {speed} {ratio:18}"


def tokens(tokenizer: Bpe, texts: Sequence[str]) -> int:
    return sum(n * len(tokenizer.split(piece)) for piece, n in tokenizer.count_pieces(texts).items())


def mono(base: Bpe, data: Path, lang: str) -> Any:
    seen = set()
    for _, row in read_jsonl(data / "mono" / f"{lang}.jsonl.zst"):
        for line in str(row["text"]).splitlines():
            if (text := cleaned(base, line, lang)) and text not in seen:
                seen.add(text)
                yield text


def share(base: Bpe, data: Path, lang: str, megabytes: float) -> list[str]:
    lines, size = [], 0
    for line in mono(base, data, lang):
        if size >= megabytes * 1e6:
            break
        lines.append(line)
        size += len(line.encode())
    return lines


def parallel(base: Bpe, data: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    rows: list[Any] = [row for _, row in read_jsonl(data / "parallel/flores_sib200.jsonl.zst")]
    halves = [
        {lang: [cleaned(base, row["parallel"][lang], lang) for row in part] for lang in LANGS}
        for part in (rows[::2], rows[1::2])
    ]
    return halves[0], halves[1]


def cleaned(base: Bpe, line: str, lang: str) -> str:
    text = str(line).replace("\u200b", "").strip()
    return base.normalized(convert_lines(text)[0] if lang == "my" else text)


if __name__ == "__main__":
    main()
