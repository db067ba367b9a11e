"""A tokenizer.json as the vocabulary of a GGUF file, such that llama.cpp gives the same ids; or a refusal saying why.

llama.cpp normalizes no text: NFC is left to the caller and recorded, any other normalizer is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.errors import DataError
from lontar.models.files import open_tokenizer_file, read_chat_template, read_json, read_settings
from lontar.models.gguf_pre import pre_name
from lontar.models.gguf_spm import scores_of

_FORMS = ("NFC",)


class TokenType(IntEnum):
    """What llama.cpp may do with a token."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Vocabulary:
    """Everything under `tokenizer.` in a GGUF file."""

    model: str
    """`gpt2`: byte-level BPE with merges; `llama`: SentencePiece style with scores"""
    pre: str | None
    tokens: tuple[str, ...]
    """one per row of the embedding"""
    types: tuple[int, ...]
    merges: tuple[str, ...]
    scores: tuple[float, ...]
    ids: Mapping[str, int]
    """`bos`, `eos`, `eot`, `eom`, `unknown`, `padding`, as far as there are such tokens"""
    add_bos: bool
    add_eos: bool
    normalizer: str | None
    """Unicode form that the caller must bring text into, for llama.cpp does not"""
    chat_template: str | None


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """The vocabulary of a model folder for an embedding of `rows` rows.

    Raises:
        DataError: llama.cpp could not give the same ids; says why and what to do.
    """
    where = folder / "tokenizer.json"
    tree, tokenizer = read_json(where), open_tokenizer_file(folder)
    found = tokenizer.get_vocab(with_added_tokens=True)
    if max(found.values(), default=-1) >= rows:
        raise DataError(f"{where}: id {max(found.values())} has no row in the embedding ({rows} rows)")
    model: Any = tree["model"]
    entries: Any = tree.get("added_tokens") or []
    added = {int(entry["id"]): entry for entry in entries}
    _check_added(entries, where)
    spm = bool(model.get("byte_fallback"))
    pre = None if spm else pre_name(tree, where)
    start, end = _frame(tokenizer, where)
    ids = _ids(folder, found, model.get("unk_token"))
    if start is not None:
        ids["bos"] = start
    tokens, types = _tokens(found, added, rows, spm, model.get("unk_token"))
    return Vocabulary(
        model="llama" if spm else "gpt2",
        pre=pre,
        tokens=tokens,
        types=types,
        merges=() if spm else _merges(model["merges"]),
        scores=scores_of(tree, tokens, types, str(where)) if spm else (),
        ids=ids,
        add_bos=start is not None,
        add_eos=end is not None,
        normalizer=None if spm else _normalizer(tree, where),
        chat_template=read_chat_template(folder),
    )


def _normalizer(tree: Any, where: Path) -> str | None:
    node = tree.get("normalizer")
    parts = [] if node is None else node.get("normalizers", [node])
    kinds = sorted({str(part.get("type")) for part in parts})
    if not kinds:
        return None
    if kinds != list(_FORMS):
        raise DataError(
            f"{where}: its normalizer ({', '.join(kinds)}) changes text in a way that llama.cpp does not",
            hint="only NFC can be left to the caller",
        )
    return kinds[0]


def _check_added(added: Any, where: Path) -> None:
    for entry in added:
        if odd := [flag for flag in ("lstrip", "rstrip", "single_word") if entry.get(flag)]:
            raise DataError(f"{where}: token {entry['content']!r} is {odd[0]}, which llama.cpp does not know")


def _frame(tokenizer: Any, where: Path) -> tuple[int | None, int | None]:
    """Tokens that the tokenizer puts before and after every text."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a", add_special_tokens=True).ids
    n = len(full) - len(bare)
    for before in range(n + 1):
        if full[before : before + len(bare)] == bare and before <= 1 and n - before <= 1:
            return (full[0] if before else None), (full[-1] if n - before else None)
    raise DataError(f"{where}: it frames a text with {n} tokens; GGUF has room for one before and one after")


def _ids(folder: Path, found: Mapping[str, int], unknown: str | None) -> dict[str, int]:
    path = folder / "tokenizer_config.json"
    named = read_json(path) if path.is_file() else {}
    settings = read_settings(folder)
    eos = _named(named, "eos_token", found)
    ends = [i for i in dict.fromkeys([eos, *settings.eos_ids]) if i is not None]
    bos = _named(named, "bos_token", found)
    places: dict[str, int | None] = {
        "bos": bos if bos is not None else settings.start_id,
        # llama.cpp ends an answer at each of these, and at tokens with a well-known text
        **dict(zip(("eos", "eot", "eom"), ends, strict=False)),
        "unknown": found.get(unknown) if unknown else None,
        "padding": _named(named, "pad_token", found),
    }
    return {name: i for name, i in places.items() if i is not None}


def _named(config: JsonObject, name: str, found: Mapping[str, int]) -> int | None:
    value = config.get(name)
    text = value.get("content") if isinstance(value, dict) else value
    return found.get(text) if isinstance(text, str) else None


def _tokens(
    found: Mapping[str, int], added: Mapping[int, Any], rows: int, spm: bool, unknown: str | None
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    texts = {i: text for text, i in found.items()}
    tokens = tuple(texts.get(i, f"[PAD{i}]") for i in range(rows))
    return tokens, tuple(
        int(_type(tokens[i], added.get(i), i in texts, spm, tokens[i] == unknown)) for i in range(rows)
    )


def _type(text: str, added: Any, known: bool, spm: bool, unknown: bool) -> TokenType:
    if not known:
        return TokenType.UNUSED
    if unknown:
        return TokenType.UNKNOWN
    if added is not None:
        return TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    return TokenType.BYTE if spm and len(text) == 6 and text.startswith("<0x") else TokenType.NORMAL


def _merges(merges: Sequence[Any]) -> tuple[str, ...]:
    return tuple(merge if isinstance(merge, str) else " ".join(merge) for merge in merges)
