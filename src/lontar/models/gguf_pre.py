"""Names by which llama.cpp knows pre-tokenizers.

A pattern without a name is refused: under one that merely resembles it, a file loads without complaint and cuts text
elsewhere. The table says what llama.cpp does (src/llama-vocab.cpp, src/unicode.cpp); tests/llamacpp holds it against
the program.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.vocab import PATTERNS, split_pattern

# name -> pattern, whether llama.cpp looks a whole word up before it merges (`ignore_merges`)
PRE: dict[str, tuple[str, bool]] = {
    "qwen2": (PATTERNS["qwen2"], False),
    "qwen35": (PATTERNS["qwen35"], False),
    "llama-bpe": (PATTERNS["llama-bpe"], True),
    "smaug-bpe": (PATTERNS["llama-bpe"], False),
    "gpt-2": ("ByteLevel", False),
}
# Why patterns that have a name elsewhere are not in the table.
REFUSED = {
    PATTERNS["gpt-4o"]: "llama.cpp's gpt-4o cuts at every combining mark and after capitals beyond A-Z "
    "(ที่ in three pieces, ĐẠI in two), so ids would differ in Thai, Lao, Khmer, Burmese, Tamil and Vietnamese",
}


def pre_name(tree: Any, where: Path) -> str:
    """Name by which llama.cpp knows this pre-tokenizer.

    Raises:
        DataError: it knows none that cuts text at the same places.
    """
    pattern, ignore = _pattern(tree, where), bool(tree["model"].get("ignore_merges"))
    named = [name for name, (regex, _) in PRE.items() if regex == pattern]
    if not named:
        reason = REFUSED.get(pattern, "its pattern has no name in llama.cpp, and another name would cut text elsewhere")
        raise DataError(
            f"{where}: no GGUF can hold this pre-tokenizer: {reason}",
            hint="take a base, or train a tokenizer, with one of: "
            + ", ".join(name for name in PATTERNS if name in PRE)
            + ' (`tokenizer.extend` with pattern "marks" or "keep" stays within these)',
        )
    exact = [name for name in named if PRE[name][1] == ignore]
    if not exact and (odd := _not_reached(tree)):
        raise DataError(
            f"{where}: ignore_merges is {str(ignore).lower()}, which llama.cpp's {named[0]} is not, and the token "
            f"{odd!r} is read another way by it",
            hint="drop tokens that the merges do not reach, or set ignore_merges as the base has it",
        )
    return (exact or named)[0]


def _pattern(tree: Any, where: Path) -> str:
    """The regular expression, or `ByteLevel` for the one built into that pre-tokenizer."""
    node = tree.get("pre_tokenizer") or {}
    parts = node.get("pretokenizers", [node])
    last = parts[-1]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        raise DataError(f"{where}: not byte-level BPE: GGUF has no form for this pre-tokenizer")
    if len(parts) == 1 and last.get("use_regex", True):
        return "ByteLevel"
    plain = len(parts) == 2 and parts[0].get("behavior") == "Isolated" and not parts[0].get("invert")
    return (split_pattern(tree) or "") if plain and not last.get("use_regex", True) else json.dumps(node)


def _not_reached(tree: Any) -> str | None:
    """A token that the merges do not make of its own text: there, whole-word look-up gives other ids."""
    model, added = tree["model"], {entry["content"] for entry in tree.get("added_tokens") or []}
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    bpe = need("tokenizers", extra="train").models.BPE(vocab=model["vocab"], merges=merges)
    return next((t for t in model["vocab"] if t not in added and [p.value for p in bpe.tokenize(t)] != [t]), None)
