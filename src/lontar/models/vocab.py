"""Byte-level BPE vocabularies: patterns by name, training from scratch, files that every loader reads alike.

Patterns are known by the name llama.cpp gives them, and no other pattern is ever written: an unnamed one cannot be
exported. `qwen35` keeps combining marks with their letters; `qwen2` cuts at every mark, which is a wall for Burmese,
Khmer, Lao, Thai and Tamil (61-92 % of tokens break a character there).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject, nearest
from lontar.core.extras import need
from lontar.core.shards import write_json, write_text
from lontar.errors import ConfigError, DataError

_TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_CLITICS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
_CONTRACTED = _CLITICS.removesuffix("|") + "?"
_WORD_START = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERNS: dict[str, str] = {
    "qwen2": _CLITICS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _TAIL,
    "qwen35": _CLITICS + r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + _TAIL,
    "llama-bpe": _CLITICS + r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _TAIL,
    "gpt-4o": _WORD_START + _UPPER + "*" + _LOWER + "+" + _CONTRACTED + "|"
    + _WORD_START + _UPPER + "+" + _LOWER + "*" + _CONTRACTED
    + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _TAIL,
}  # fmt: skip
# The same pattern with marks kept at their letters, where there is one with a name.
WITH_MARKS = {"qwen2": "qwen35", "qwen35": "qwen35", "gpt-4o": "gpt-4o"}
END, TURN, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
DEFAULT_SPECIALS = (END, TURN, TURN_END)
# Pre-tokens of unspaced scripts are whole phrases: without a limit, boilerplate becomes tokens of a hundred bytes.
MAX_TOKEN_CHARS = 48


def train_bpe(
    texts: Iterable[str], vocab_size: int, *, pattern: str = "qwen35", specials: Sequence[str] = DEFAULT_SPECIALS
) -> Any:
    """Train a byte-level BPE from scratch; same texts, same tokenizer.

    Returns a `tokenizers.Tokenizer` of at most `vocab_size` tokens: 256 bytes, merges, then `specials`.

    Raises:
        ConfigError: there is no pattern of that name, or `vocab_size` has no room for the bytes and the specials.
        DataError: there is no text.
    """
    tokenizers = need("tokenizers", extra="train")
    if vocab_size < 256 + len(specials):
        raise ConfigError(f"vocab_size {vocab_size} is below 256 bytes + {len(specials)} special tokens")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.normalizer = tokenizers.normalizers.NFC()
    made.pre_tokenizer = pre_tokenizer(pattern)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size - len(specials),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=MAX_TOKEN_CHARS,
        show_progress=False,
    )
    seen = 0

    def counted() -> Iterator[str]:
        nonlocal seen
        for text in texts:
            seen += 1
            yield text

    made.train_from_iterator(counted(), trainer)
    if not seen:
        raise DataError("no text to train a tokenizer on")
    return with_specials(made, specials)


def pre_tokenizer(pattern: str) -> Any:
    """The pre-tokenizer of a named pattern: split, then map bytes to characters.

    Raises:
        ConfigError: there is no pattern of that name.
    """
    tokenizers = need("tokenizers", extra="train")
    if pattern not in PATTERNS:
        raise ConfigError(f"unknown pattern {pattern!r}", hint=nearest(pattern, PATTERNS))
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS[pattern]), "isolated")
    bytes_ = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    return tokenizers.pre_tokenizers.Sequence([split, bytes_])


def with_specials(tokenizer: Any, specials: Sequence[str]) -> Any:
    """The tokenizer with special tokens after its last id.

    They go into the model's vocabulary too: in `added_tokens` alone, loaders renumber them when tokens are added later.
    """
    tree = to_json(tokenizer)
    vocab = tree["model"]["vocab"]
    for text in specials:
        vocab.setdefault(text, len(vocab))
    tree["added_tokens"] = [added_token(vocab[text], text) for text in specials]
    return from_json(tree)


def added_token(id_: int, text: str) -> JsonObject:
    """The entry of a special token."""
    flags: JsonObject = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": id_, "content": text, **flags}


def to_json(tokenizer: Any) -> Any:
    """tokenizer.json as a tree."""
    return json.loads(tokenizer.to_str())


def from_json(tree: Any) -> Any:
    """A tokenizer from the tree of its tokenizer.json."""
    return need("tokenizers", extra="train").Tokenizer.from_str(json.dumps(tree, ensure_ascii=False))


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder that a new model can be built on.

    Raises:
        DataError: it has no tokens for the end of a text and the turns of a chat.
    """
    found = need("tokenizers", extra="train").Tokenizer.from_file(str(folder / "tokenizer.json"))
    if missing := [token for token in DEFAULT_SPECIALS if found.token_to_id(token) is None]:
        raise DataError(
            f"{folder}: the tokenizer has no {', '.join(missing)}",
            hint="a new model needs them; `tokenizer.train` makes tokenizers that have them",
        )
    return found


def write_tokenizer(
    folder: Path, tokenizer: Any, *, chat_template: str | None = None, eos: str = TURN_END, pad: str = END
) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja.

    The class is the generic one: transformers 5 rebuilds its own pattern for `Qwen2Tokenizer` and silently changes ids.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "tokenizer.json", json.dumps(to_json(tokenizer), ensure_ascii=False, indent=1) + "\n")
    config: JsonObject = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": eos,
        "pad_token": pad,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1_000_000,
    }
    write_json(folder / "tokenizer_config.json", config)
    if chat_template is not None:
        write_text(folder / "chat_template.jinja", chat_template)


def pattern_name(tree: Any) -> str | None:
    """The name of the pattern in a tokenizer.json, or None when it is not one we know."""
    found = split_pattern(tree)
    return next((name for name, regex in PATTERNS.items() if regex == found), None)


def split_pattern(tree: Any) -> str | None:
    """The regular expression that a tokenizer.json splits text by."""
    node = tree.get("pre_tokenizer") or {}
    for part in node.get("pretokenizers", [node]):
        if part.get("type") == "Split":
            regex = part.get("pattern", {}).get("Regex")
            return regex if isinstance(regex, str) else None
    return None


def byte_characters() -> dict[int, str]:
    """The printable character that stands for each byte in byte-level vocabularies (Radford et al. 2019)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_CHARACTER_OF = byte_characters()
_BYTE_OF = {char: byte for byte, char in _CHARACTER_OF.items()}


def byte_token(text: str) -> str:
    """Text as byte-level vocabularies write it: one printable character per byte of its UTF-8."""
    return "".join([_CHARACTER_OF[byte] for byte in text.encode("utf-8")])


def token_bytes(token: str) -> bytes:
    """The bytes that a byte-level token stands for.

    Raises:
        KeyError: the token is a special one: its characters are not all byte characters.
    """
    return bytes(_BYTE_OF[c] for c in token)
