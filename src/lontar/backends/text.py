"""Token ids to text, piece by piece, without ever showing half a character.

A token of a byte-level vocabulary may end inside a character (a Burmese or Thai letter is three bytes), and a small
model may write bytes that are no character at all. Bytes are gathered until they are a character; bytes that can never
become one are dropped, so a reader sees no replacement signs. Works on the bytes of the tokens, so that nothing is
decoded twice.
"""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Iterable
from typing import Any

from lontar.models.vocab import byte_characters

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


@functools.cache
def byte_alphabet() -> dict[str, int]:
    """The byte behind each character of a byte-level vocabulary."""
    return {char: byte for byte, char in byte_characters().items()}


class Pieces:
    """The bytes of each token of a `tokenizers.Tokenizer`. Special tokens have none."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        described = json.loads(tokenizer.to_str())
        decoder = json.dumps(described.get("decoder") or {})
        self.byte_level = '"ByteLevel"' in decoder
        # A decoder with Strip (Llama 2) removes the space that its normalizer put before the first word.
        self.strips_first_space = '"Strip"' in decoder
        added = described.get("added_tokens") or []
        self.special = frozenset(int(token["id"]) for token in added if token["special"])
        self._added = {int(token["id"]): str(token["content"]) for token in added}
        self._known: dict[int, bytes] = {}

    def of(self, token: int) -> bytes:
        """Bytes of a token; none for a special one and for an id without a token."""
        if token not in self._known:
            self._known[token] = self._bytes(token)
        return self._known[token]

    def name(self, token: int) -> str:
        """A token as a reader sees it; bytes that are no character show as replacement signs."""
        return self._added[token] if token in self._added else self.of(token).decode("utf-8", "replace")

    def _bytes(self, token: int) -> bytes:
        if token in self.special:
            return b""
        if token in self._added:
            return self._added[token].encode("utf-8", "replace")
        text = self._tokenizer.id_to_token(token)
        if text is None:
            return b""
        if self.byte_level:
            alphabet = byte_alphabet()
            return bytes(alphabet[c] for c in text) if all(c in alphabet for c in text) else text.encode()
        if match := _BYTE_TOKEN.match(text):
            return bytes([int(match[1], 16)])
        return bytes(text.replace("▁", " ").encode())


class Detokenizer:
    """Text of a growing sequence of tokens; `at_start`: they begin a text rather than go on with one."""

    def __init__(self, pieces: Pieces, *, at_start: bool = True) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._at_start = at_start and pieces.strips_first_space

    def push(self, token: int) -> str:
        """Text that became complete with this token; may be empty."""
        text = self._decoder.decode(self._pieces.of(token))
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text


def decode(pieces: Pieces, tokens: Iterable[int]) -> str:
    """Text of a whole sequence."""
    detokenizer = Detokenizer(pieces)
    return "".join(detokenizer.push(token) for token in tokens)
