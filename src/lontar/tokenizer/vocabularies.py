"""Vocabularies of any origin behind one small interface, so that they can be measured side by side.

`tokenizer.json` of Hugging Face, tiktoken ranks (`.tiktoken`, or the `tokenizer.model` of Llama 3 and 4), SentencePiece
models, Mistral's `tekken.json`, and the vocabulary of a GGUF file. Each is run by the library that it is made for; only
its tokens' bytes are told apart here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.files import read_normalization
from lontar.models.vocab import from_json, token_bytes
from lontar.tokenizer.ranks import is_ranks, read_ranks

__all__ = ["Vocabulary", "open_vocabulary"]

_SPACE = "\u2581"
"""What SentencePiece writes for a space."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as a function from text to ids, and the bytes of each id."""

    name: str
    kind: str
    """Of the file: tokenizer.json, tiktoken, sentencepiece, tekken, gguf."""
    encode: Callable[[str], list[int]]
    """Ids of a text, without tokens that begin or end one."""
    tokens: Sequence[bytes]
    """Bytes that each id stands for; nothing for ids that are not text."""
    cut: Callable[[str], Sequence[str]] | None = None
    """Pieces that the text is cut into before merging; None where there is no such step."""
    note: str = ""
    normalization: Sequence[str] = ()
    """Normalizers that the folder names: what text goes through before it is encoded, in training and in serving."""

    @property
    def size(self) -> int:
        """Ids, from 0 on."""
        return len(self.tokens)

    @cached_property
    def dead(self) -> list[int]:
        """Ids that no text gives: the pattern cuts within them, or merges never lead to them.

        Only tokens that are text can be tried; a fragment of a character is counted as alive. Without a step that cuts
        text (SentencePiece) there is nothing to look for.
        """
        found: list[int] = []
        if self.cut is None:
            return found
        for id_, data in enumerate(self.tokens):
            if len(data) < 2:
                continue
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                continue
            # A token may need a neighbor to be cut off where it is: a space before, or a letter.
            if all(id_ not in self.encode(tried) for tried in (text, f" {text}", f"a{text}", f"{text}\n")):
                found.append(id_)
        return found


def open_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a file, or of a folder that holds one.

    Raises:
        DataError: there is none, it is damaged, or of a kind that is not known.
        MissingExtraError: the library that reads its kind is not installed.
    """
    file = vocabulary_file(path)
    try:
        found = _opened(file)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as err:
        raise DataError(f"{file}: no vocabulary can be read from it: {err}", hint="copy or download it again") from err
    return replace(found, normalization=read_normalization(file.parent))


def _opened(file: Path) -> Vocabulary:
    if file.name == "tekken.json":
        return _ranks(file, "tekken")
    if file.suffix == ".json":
        return _tokenizer_json(file)
    if file.suffix == ".gguf":
        return _gguf(file)
    return _ranks(file, "tiktoken") if is_ranks(file) else _sentencepiece(file)


_NAMES = ("tokenizer.json", "tekken.json", "*.tiktoken", "tokenizer.model", "*.model.v3", "*.model", "*.gguf")


def vocabulary_file(path: Path) -> Path:
    """The file itself, or the first one of a known name in a folder.

    Raises:
        DataError: there is none.
    """
    if path.is_file():
        return path
    for pattern in _NAMES:
        if found := sorted(path.glob(pattern)):
            return found[0]
    raise DataError(f"{path}: no vocabulary there", hint=f"a file or a folder with one of {', '.join(_NAMES)}")


def _name(file: Path) -> str:
    generic = file.name in ("tokenizer.json", "tekken.json", "tokenizer.model")
    return file.parent.name if generic or (file.parent.name and ".model" in file.name) else file.stem


def _tokenizer_json(file: Path) -> Vocabulary:
    tree = json.loads(file.read_text(encoding="utf-8"))
    return _from_tree(tree, _name(file), "tokenizer.json")


def _from_tree(tree: Any, name: str, kind: str) -> Vocabulary:
    try:
        tokenizer = from_json(tree)
    except Exception as err:  # the library raises a bare Exception
        raise ValueError(str(err)) from err
    special = {token["id"] for token in tree.get("added_tokens") or [] if token.get("special")}
    by_id = {i: token for token, i in tokenizer.get_vocab(with_added_tokens=True).items()}
    added = {token["id"] for token in tree.get("added_tokens") or []}
    byte_level = "ByteLevel" in json.dumps(tree.get("pre_tokenizer")) or "ByteLevel" in json.dumps(tree.get("decoder"))

    def data(i: int) -> bytes:
        token = by_id.get(i, "")
        if i in special:
            return b""
        if i in added or not byte_level:
            return _piece_bytes(token)
        return token_bytes(token)

    def cut(text: str) -> list[str]:
        if tokenizer.normalizer:
            text = tokenizer.normalizer.normalize_str(text)
        return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]

    return Vocabulary(
        name,
        kind,
        lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids),
        [data(i) for i in range(max(by_id, default=-1) + 1)],
        cut if tokenizer.pre_tokenizer else None,
    )


def _piece_bytes(piece: str) -> bytes:
    """Bytes of a SentencePiece token: a space for its sign, one byte for <0x0A>."""
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(_SPACE, " ").encode("utf-8")


def _ranks(file: Path, kind: str) -> Vocabulary:
    """A vocabulary of ranks; ids are ranks, after the special ones that stand before them."""
    found = read_ranks(file)
    name, first = _name(file), found.first
    encoding = need("tiktoken", extra="vocabularies").Encoding(
        name, pat_str=found.pattern, mergeable_ranks={**found.ranks}, special_tokens={}
    )
    tokens = [b""] * (first + max(found.ranks.values(), default=-1) + 1)
    for token, rank in found.ranks.items():
        tokens[first + rank] = token
    regex = need("regex", extra="text").compile(found.pattern)
    return Vocabulary(
        name,
        kind,
        lambda text: [first + i for i in encoding.encode_ordinary(text)],
        tokens,
        lambda text: regex.findall(text),
        found.note,
    )


def _sentencepiece(file: Path) -> Vocabulary:
    library = need("sentencepiece", extra="vocabularies")
    processor = library.SentencePieceProcessor()
    if not processor.LoadFromSerializedProto(file.read_bytes()):
        raise ValueError("not a SentencePiece model")
    count = processor.GetPieceSize()
    control = {i for i in range(count) if processor.IsControl(i) or processor.IsUnknown(i)}
    tokens = [b"" if i in control else _piece_bytes(processor.IdToPiece(i)) for i in range(count)]
    return Vocabulary(_name(file), "sentencepiece", lambda text: list(processor.EncodeAsIds(text)), tokens)


def _gguf(file: Path) -> Vocabulary:
    from lontar.models.gguf_pre import PRE

    reader = need("gguf", extra="gguf").GGUFReader(str(file))
    fields = reader.fields
    kind = fields["tokenizer.ggml.model"].contents()
    if kind != "gpt2":
        raise ValueError(f"a vocabulary of kind {kind!r}; only byte-level BPE (gpt2) is read from GGUF files")
    name = fields["tokenizer.ggml.pre"].contents()
    if name not in PRE:
        raise ValueError(f"pre-tokenizer {name!r} is not known (known: {', '.join(PRE)})")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    tree = _gguf_tree(tokens, fields["tokenizer.ggml.merges"].contents(), types, *PRE[name])
    return _from_tree(tree, file.stem, "gguf")


_CONTROL = 3
"""llama.cpp's type of a special token."""


def _gguf_tree(tokens: list[str], merges: list[str], types: list[int], pattern: str, ignore_merges: bool) -> Any:
    from lontar.models.vocab import added_token

    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    steps = [{**byte_level, "use_regex": True}] if pattern == "ByteLevel" else [cut, byte_level]
    model = {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": merges}
    return {
        "version": "1.0",
        "added_tokens": [
            added_token(i, t) for i, (t, kind) in enumerate(zip(tokens, types, strict=True)) if kind == _CONTROL
        ],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "decoder": byte_level,
        "model": {**model, "ignore_merges": ignore_merges, "byte_fallback": False},
    }
