"""A base's byte-level BPE as plain values, and the check that it is one.

SentencePiece-style vocabularies (Gemma, Mistral v3) score pieces of normalized text with byte fallback; continuing one
as if it were byte-level would silently degrade it, so it is refused with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lontar.errors import ArtifactError
from lontar.models.vocab import from_json, pattern_name, split_pattern, token_bytes


@dataclass(frozen=True)
class Bpe:
    """A tokenizer.json that is known to be byte-level BPE."""

    tree: Any

    @property
    def vocab(self) -> dict[str, int]:
        """Token to id, special tokens included where the file has them."""
        found: dict[str, int] = self.tree["model"]["vocab"]
        return found

    @property
    def merges(self) -> list[tuple[str, str]]:
        """Pairs in order of rank."""
        return [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in self.tree["model"]["merges"]]

    @property
    def specials(self) -> dict[str, int]:
        """Added tokens by text."""
        return {t["content"]: t["id"] for t in self.tree.get("added_tokens", [])}

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer itself."""
        return from_json(self.tree)

    @cached_property
    def size(self) -> int:
        """One more than the largest id."""
        return max([*self.vocab.values(), *self.specials.values()]) + 1

    @property
    def pattern(self) -> str | None:
        """Name of the pre-tokenizer's pattern."""
        return pattern_name(self.tree)

    @cached_property
    def names(self) -> dict[int, str]:
        """Id to token."""
        return {i: token for token, i in self.vocab.items()}

    def pieces(self, text: str) -> list[str]:
        """Pre-tokens of normalized text, in byte characters."""
        tok = self.tokenizer
        normalized = tok.normalizer.normalize_str(text) if tok.normalizer else text
        return [piece for piece, _ in tok.pre_tokenizer.pre_tokenize_str(normalized)]

    def count_pieces(self, texts: Iterable[str]) -> Counter[str]:
        """How often each pre-token occurs."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(self.pieces(text))
        return counts

    def extended(self, merges: Sequence[tuple[str, str]]) -> Bpe:
        """The same with further merges after all of its own, and new ids after its last one.

        A merge whose result is in the vocabulary already (a dead token) revives that id.
        """
        vocab = dict(self.vocab)
        specials = {text: id_ for text, id_ in self.specials.items() if text not in vocab}
        next_id = self.size
        for left, right in merges:
            if left + right not in vocab:
                vocab[left + right] = next_id
                next_id += 1
        # Specials also stand in the model's vocabulary: loaders renumber those that are in `added_tokens` alone.
        joined: list[Any] = [*self.tree["model"]["merges"], *([left, right] for left, right in merges)]
        if self.tree["model"]["merges"] and isinstance(self.tree["model"]["merges"][0], str):
            joined = [m if isinstance(m, str) else " ".join(m) for m in joined]
        model = {**self.tree["model"], "vocab": {**vocab, **specials}, "merges": joined}
        return Bpe({**self.tree, "model": model})

    def split(self, piece: str) -> list[str]:
        """Tokens of one pre-token."""
        return [token.value for token in self.tokenizer.model.tokenize(piece)]


def check_base(tree: Any, where: str) -> Bpe:
    """The tokenizer as a byte-level BPE.

    Raises:
        ArtifactError: it is of another kind; says which and why that cannot be extended.
    """
    model, parts = tree.get("model", {}), (tree.get("pre_tokenizer") or {})
    kinds = {part.get("type") for part in parts.get("pretokenizers", [parts])}
    if model.get("type") != "BPE":
        raise ArtifactError(f"{where}: a {model.get('type')} vocabulary; only byte-level BPE can be extended")
    if model.get("byte_fallback") or "ByteLevel" not in kinds:
        raise ArtifactError(
            f"{where}: a SentencePiece-style vocabulary (byte fallback), not byte-level BPE",
            hint="its merges work on characters of normalized text, so continuing them byte by byte would damage it; "
            "take a byte-level base (Qwen, Llama 3, GPT-4o style, DeepSeek)",
        )
    if split_pattern(tree) is None:
        raise ArtifactError(f"{where}: its pre-tokenizer has no pattern that we can read")
    return Bpe(tree)


def text_of(token: str) -> str:
    """The text of a byte-level token, with a replacement character for bytes that are no text."""
    return token_bytes(token).decode("utf-8", "replace")
