"""A base's byte-level BPE as plain values, and the check that it is one.

SentencePiece-style vocabularies (Gemma, Mistral v3) score pieces of normalized text with byte fallback; continuing one
as if it were byte-level would silently degrade it, so it is refused with the reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import ArtifactError, DataError
from lontar.models.vocab import PATTERNS, byte_characters, byte_token, from_json, pattern_name, token_bytes

Pair = tuple[str, str]


@dataclass(frozen=True)
class Bpe:
    """A tokenizer.json that is known to be byte-level BPE. Values that take time are kept once computed."""

    tree: Any

    def __reduce__(self) -> tuple[type[Bpe], tuple[Any]]:
        """Kept values stay behind when a tokenizer goes to another process."""
        return Bpe, (self.tree,)

    @property
    def vocab(self) -> dict[str, int]:
        """Token to id, special tokens included where the file has them."""
        found: dict[str, int] = self.tree["model"]["vocab"]
        return found

    @cached_property
    def merges(self) -> list[Pair]:
        """Pairs in order of rank; files hold them as pairs or as "left right"."""
        return [_pair(merge) for merge in self.tree["model"]["merges"]]

    @property
    def specials(self) -> dict[str, int]:
        """Added tokens by text."""
        return {t["content"]: t["id"] for t in self.tree.get("added_tokens") or []}

    @cached_property
    def ids(self) -> dict[str, int]:
        """Every token by text, added ones included."""
        return {**self.vocab, **self.specials}

    @cached_property
    def size(self) -> int:
        """One more than the largest id."""
        return max(self.ids.values(), default=-1) + 1

    @property
    def pattern(self) -> str | None:
        """Name of the pre-tokenizer's pattern."""
        return pattern_name(self.tree)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer itself."""
        return from_json(self.tree)

    @cached_property
    def _model(self) -> Any:
        """The merges alone: made without a round trip through JSON, and without Llama's short cut to whole words."""
        model = need("tokenizers", extra="train").models.BPE
        return model(vocab=self.vocab, merges=self.merges)

    def normalized(self, text: str) -> str:
        """The text as the tokenizer sees it."""
        normalizer = self.tokenizer.normalizer
        return str(normalizer.normalize_str(text)) if normalizer else text

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without the tokens that begin and end one."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def pieces(self, text: str) -> list[str]:
        """Pre-tokens of normalized text, in byte characters."""
        return [piece for piece, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(self.normalized(text))]

    def count_pieces(self, texts: Iterable[str]) -> Counter[str]:
        """How often each pre-token occurs.

        A pattern with a name is applied by `regex`, which is faster: it makes no lists of offsets.
        """
        counts: Counter[str] = Counter()
        if self.pattern is None or self._steps != 2:
            for text in texts:
                counts.update(self.pieces(text))
            return counts
        find = need("regex", extra="text").compile(PATTERNS[self.pattern]).findall
        for text in texts:
            counts.update(find(self.normalized(text)))
        return Counter({byte_token(piece): n for piece, n in counts.items()})

    @property
    def _steps(self) -> int:
        """Parts of the pre-tokenizer; two are a pattern and the mapping of bytes to characters."""
        return len((self.tree.get("pre_tokenizer") or {}).get("pretokenizers", ()))

    def split(self, piece: str) -> list[str]:
        """Tokens that the merges make of one pre-token."""
        return [token.value for token in self._model.tokenize(piece)]

    def extended(self, merges: Sequence[Pair]) -> Bpe:
        """The same with further merges after all of its own, and new ids after its last one.

        A merge whose result is in the vocabulary already (a dead token) revives that id. Special tokens also get a
        place in the model's vocabulary: loaders renumber those that stand in `added_tokens` alone.
        """
        vocab, next_id = dict(self.ids), self.size
        for left, right in merges:
            if left + right not in vocab:
                vocab[left + right] = next_id
                next_id += 1
        model = {**self.tree["model"], "vocab": vocab, "merges": _joined(self.tree["model"]["merges"], merges)}
        return Bpe({**self.tree, "model": model})

    def less(self, merges: Iterable[Pair]) -> Bpe:
        """The same without some merges; their tokens keep their ids and are made no more."""
        gone = set(merges)
        kept = [merge for merge in self.tree["model"]["merges"] if _pair(merge) not in gone]
        return Bpe({**self.tree, "model": {**self.tree["model"], "merges": kept}})

    def with_pattern(self, name: str | None) -> Bpe:
        """The same, cutting text by another named pattern; its own when the name is that, or none."""
        if name is None or name == self.pattern:
            return self
        node = self.tree["pre_tokenizer"]
        parts = [
            {**part, "pattern": {"Regex": PATTERNS[name]}} if part.get("type") == "Split" else part
            for part in node["pretokenizers"]
        ]
        return Bpe({**self.tree, "pre_tokenizer": {**node, "pretokenizers": parts}})

    def old_pieces(self, token: str) -> list[int]:
        """Ids that the tokenizer gives the text of a new token.

        The pre-tokenizer has its say: in Qwen3 it cuts Thai words at every vowel sign, and what the merges alone would
        make of one was never trained. Tokens that are no text on their own have only the merges.
        """
        data = token_bytes(token)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return [self.vocab[piece] for piece in self.split(token)]
        return self.encode(text) if self.normalized(text) == text else [self.vocab[p] for p in self.split(token)]


def _pair(merge: str | Sequence[str]) -> Pair:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _joined(old: Sequence[Any], new: Iterable[Pair]) -> list[Any]:
    """All merges, written as the old ones are."""
    as_text = bool(old) and isinstance(old[0], str)
    return [*old, *(" ".join(pair) if as_text else list(pair) for pair in new)]


def open_base(folder: Path) -> Bpe:
    """The tokenizer of an artifact or of any folder, checked by `check_base`.

    Raises:
        DataError: tokenizer.json is missing or damaged.
        ArtifactError: it is no byte-level BPE.
    """
    path = folder / "tokenizer.json"
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise DataError(
            f"{folder}: no tokenizer.json",
            hint="save the fast tokenizer: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
        ) from err
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: cannot read: {err}", hint="copy or download it again") from err
    return check_base(tree, str(path))


def check_base(tree: Any, where: str) -> Bpe:
    """The tokenizer as a byte-level BPE.

    Raises:
        DataError: the file is damaged.
        ArtifactError: it is of another kind; says which and why that cannot be extended.
    """
    if not isinstance(tree, dict) or not isinstance(tree.get("model"), dict):
        raise DataError(f"{where}: not a tokenizer.json: it has no model", hint="copy or download it again")
    model = tree["model"]
    if model.get("type") != "BPE":
        raise ArtifactError(f"{where}: a {model.get('type')} vocabulary; only byte-level BPE can be extended")
    if model.get("byte_fallback") or "ByteLevel" not in _kinds(tree):
        raise ArtifactError(
            f"{where}: a SentencePiece-style vocabulary (byte fallback), not byte-level BPE",
            hint="its merges work on characters of normalized text, so continuing them byte by byte would damage it; "
            "take a byte-level base (Qwen, Llama 3, GPT-4o style, DeepSeek)",
        )
    try:
        base = Bpe(tree)
        _ = base.tokenizer
    except Exception as err:  # the library raises a bare Exception
        raise DataError(f"{where}: not a tokenizer: {err}", hint="copy or download it again") from err
    return _checked(base, where)


def _kinds(tree: Any) -> set[Any]:
    parts = tree.get("pre_tokenizer") or {}
    return {part.get("type") for part in parts.get("pretokenizers", [parts])}


def _checked(base: Bpe, where: str) -> Bpe:
    if missing := [byte for byte, char in byte_characters().items() if char not in base.vocab]:
        raise ArtifactError(f"{where}: byte 0x{missing[0]:02X} has no token, so not every text can be written in it")
    taken: dict[int, str] = {}
    for token, id_ in base.ids.items():
        if taken.setdefault(id_, token) != token:
            raise ArtifactError(f"{where}: id {id_} belongs to both {taken[id_]!r} and {token!r}")
    _no_holes(base, taken, where)
    return base


def _no_holes(base: Bpe, taken: Mapping[int, str], where: str) -> None:
    """Ids without a token are those beside special ones: vendors reserve them there (GPT-4o has 19)."""
    special = set(base.specials.values())
    for id_ in range(base.size):
        if id_ not in taken:
            after = next(i for i in range(id_, base.size) if i in taken)
            before = next((i for i in range(id_, -1, -1) if i in taken), after)
            if not {before, after} & special:
                raise ArtifactError(
                    f"{where}: no token has id {id_}, between {taken[before]!r} and {taken[after]!r}",
                    hint="copy the vocabulary again; a loader that counts would number all later tokens anew",
                )


def text_of(token: str) -> str:
    """The text of a byte-level token, with a replacement character for bytes that are no text."""
    return token_bytes(token).decode("utf-8", "replace")
