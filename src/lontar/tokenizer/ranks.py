"""tokenizer.json from files that hold ranks alone: tiktoken's (Llama 3 and 4, GPT-4o) and Mistral's tekken.json.

In such a file the id of a token is its rank, and no merge is written down: a token's merge is the pair that is left
when its bytes are merged by the lower ranks alone. A token that more than two parts are left of is never merged, only
found whole, as tiktoken looks every word up before it merges (`ignore_merges`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from lontar.errors import DataError
from lontar.models.vocab import PATTERNS, added_token, byte_characters

__all__ = ["Ranks", "is_ranks", "merges_of", "read_ranks"]

# Files of ranks do not say how text is cut nor what the special tokens are: known by the number of ranks.
_LLAMA_3, _LLAMA_4 = 128_000, 200_000
_LLAMA_3_SPECIALS = {
    128_000: "<|begin_of_text|>",
    128_001: "<|end_of_text|>",
    128_006: "<|start_header_id|>",
    128_007: "<|end_header_id|>",
    128_009: "<|eot_id|>",
}
_LLAMA_4_SPECIALS = {
    200_000: "<|begin_of_text|>",
    200_001: "<|end_of_text|>",
    200_005: "<|header_start|>",
    200_006: "<|header_end|>",
    200_007: "<|eom|>",
    200_008: "<|eot|>",
}


@dataclass(frozen=True)
class Ranks:
    """The tokens of such a file, and what it takes to use them."""

    ranks: Mapping[bytes, int]
    pattern: str
    first: int = 0
    """id of rank 0: special tokens stand before it"""
    specials: Mapping[int, str] = field(default_factory=dict)
    note: str = ""

    def tree(self) -> Any:
        """The same as the tree of a tokenizer.json."""
        chars = byte_characters()
        names = {data: "".join(chars[byte] for byte in data) for data in self.ranks}
        vocab = {names[data]: self.first + rank for data, rank in sorted(self.ranks.items(), key=lambda item: item[1])}
        vocab |= {text: id_ for id_, text in self.specials.items()}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        split = {"type": "Split", "pattern": {"Regex": self.pattern}, "behavior": "Isolated", "invert": False}
        merges = [[names[left], names[right]] for left, right in merges_of(self.ranks)]
        model = {"type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": True, "byte_fallback": False}
        unset = dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"))
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [added_token(id_, text) for id_, text in sorted(self.specials.items())],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
            "post_processor": None,
            "decoder": {**byte_level, "use_regex": True},
            "model": {**model, **unset, "fuse_unk": False},
        }


def is_ranks(file: Path) -> bool:
    """Whether the file's first line is a token in base64 and a rank."""
    with file.open("rb") as stream:
        first = stream.readline(4096).split()
    try:
        return len(first) == 2 and first[1].isdigit() and bool(base64.b64decode(first[0], validate=True))
    except ValueError:
        return False


def read_ranks(file: Path) -> Ranks:
    """The ranks of a tiktoken file or a tekken.json.

    Raises:
        DataError: the file is damaged.
    """
    try:
        return _tekken(file) if file.suffix == ".json" else _tiktoken(file)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise DataError(f"{file}: no ranks can be read from it: {err}", hint="copy or download it again") from err


def _tiktoken(file: Path) -> Ranks:
    ranks: dict[bytes, int] = {}
    for line in file.read_bytes().splitlines():
        if line:
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    if len(ranks) == _LLAMA_3:
        specials = _reserved(range(128_000, 128_256), _LLAMA_3_SPECIALS)
        return Ranks(ranks, PATTERNS["llama-bpe"], 0, specials, _guess("llama-bpe", "Llama 3"))
    if len(ranks) == _LLAMA_4:
        specials = _reserved(range(200_000, 201_135), _LLAMA_4_SPECIALS)
        return Ranks(ranks, PATTERNS["gpt-4o"], 0, specials, _guess("gpt-4o", "Llama 4"))
    return Ranks(ranks, PATTERNS["gpt-4o"], 0, {}, _guess("gpt-4o", ""))


def _reserved(ids: range, named: Mapping[int, str]) -> dict[int, str]:
    """Names of special tokens, the unnamed ones numbered: what counts is that no new token takes their ids."""
    others = [id_ for id_ in ids if id_ not in named]
    return {**{id_: f"<|reserved_special_token_{n}|>" for n, id_ in enumerate(others)}, **named}


def _guess(pattern: str, specials: str) -> str:
    names = f", with the special tokens of {specials}" if specials else ""
    return f"ranks do not say how text is cut; taken as {pattern}{names}"


def _tekken(file: Path) -> Ranks:
    tree = json.loads(file.read_text(encoding="utf-8"))
    config = tree["config"]
    first = int(config["default_num_special_tokens"])
    count = int(config["default_vocab_size"]) - first
    ranks = {base64.b64decode(row["token_bytes"]): int(row["rank"]) for row in tree["vocab"][:count]}
    named = {int(row["rank"]): str(row["token_str"]) for row in tree.get("special_tokens") or []}
    specials = {i: named.get(i, f"<SPECIAL_{i}>") for i in range(first)}
    return Ranks(ranks, str(config["pattern"]), first, specials)


def merges_of(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The merge of every token that has one, in order of rank."""
    found = []
    for data, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(data) > 1:
            parts = _merged(data, ranks, rank)
            if len(parts) == 2:
                found.append((parts[0], parts[1]))
    return found


def _merged(data: bytes, ranks: Mapping[bytes, int], below: int) -> list[bytes]:
    """What is left of the bytes when they are merged by the ranks lower than `below`."""
    parts = [data[i : i + 1] for i in range(len(data))]
    while len(parts) > 1:
        pairs = [(ranks.get(a + b, below), i) for i, (a, b) in enumerate(pairwise(parts))]
        rank, i = min(pairs)
        if rank >= below:
            break
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts
