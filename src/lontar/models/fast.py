"""Documents to ids by tiktoken where it gives the same as `tokenizers`, at several times its speed, else by the latter.

The first documents go through `tokenizers`. Once they are enough to pay for building tiktoken's tables, those must be
right (`ranks.mergeable_ranks`) and give the same ids for the documents seen, for samples of all languages and for text
that has broken tokenizers before. A text that tiktoken cannot take stays with `tokenizers`: one with the text of an
added token that is recognized, or a run of characters that is too long for its pattern matcher.
"""

from __future__ import annotations

import importlib.util
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from lontar.models.odd_text import texts_of_all_languages
from lontar.models.ranks import NoRanksError, encoding
from lontar.models.vocab import to_json
from lontar.text.unicode import whole

__all__ = ["Encoder", "workers"]

# Tables of 150,000 tokens take three seconds to build and check; 4 MB take that long in `tokenizers` on one thread.
WORTHWHILE_BYTES = 2**22
SAMPLE = 200
# tiktoken gives up (a panic, not an error) in the middle of 400,000 spaces; before 0.13 it was quadratic in the length
# of a word, 40 s for one of 100,000 characters.
LONGEST_RUN = 10_000
Ids = list[int]


class Encoder:
    """Encodes documents with the ids that `tokenizer.encode_batch(..., add_special_tokens=False)` gives.

    Added tokens that are written out in a text are treated as the tokenizer treats them (`encode_special_tokens`). The
    tokenizer must not change while an encoder of it is in use. Lone surrogates become U+FFFD.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        after: bytes of text after which tiktoken is tried.
    """

    def __init__(self, tokenizer: Any, *, after: int = WORTHWHILE_BYTES) -> None:
        self.tokenizer = tokenizer
        self._after = after
        self._seen = 0
        self._samples: list[tuple[str, Ids]] = []
        self._fast: _Tiktoken | None = None
        self.note = f"tokenizers: less than {after:,} bytes"
        """which library encodes, and why"""

    def __call__(self, texts: Sequence[str]) -> list[Ids]:
        """Ids of each text, without tokens that begin or end one."""
        if self._fast:
            return self._fast(texts)
        texts = [whole(text) for text in texts]
        found = _slowly(self.tokenizer, texts)
        if self._after >= 0:
            self._try(texts, found)
        return found

    def _try(self, texts: Sequence[str], found: Sequence[Ids]) -> None:
        room = SAMPLE - len(self._samples)
        self._samples += list(zip(texts[:room], found[:room], strict=True))
        self._seen += sum(len(text) if text.isascii() else len(text.encode("utf-8")) for text in texts)
        if self._seen >= self._after:
            self._after = -1  # once: what differs now differs later
            self._fast, self.note = _agreeing(self.tokenizer, self._samples)
            self._samples = []


def _slowly(tokenizer: Any, texts: Sequence[str]) -> list[Ids]:
    return [one.ids for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _agreeing(tokenizer: Any, samples: Sequence[tuple[str, Ids]]) -> tuple[_Tiktoken | None, str]:
    """The tokenizer in tiktoken, if that is installed and agrees; and what to say about it."""
    if importlib.util.find_spec("tiktoken") is None:
        return None, "tokenizers: tiktoken is not installed"
    tree = to_json(tokenizer)
    if tree.get("truncation") or tree.get("padding"):
        return None, "tokenizers: it cuts or pads texts"
    try:
        fast = _Tiktoken(tokenizer, tree)
    except (NoRanksError, ValueError) as err:  # ValueError: a pattern that tiktoken's matcher does not read
        return None, f"tokenizers: {err}"
    odd = [*texts_of_all_languages(), *(token["content"] for token in tree.get("added_tokens") or [])]
    texts = [*odd, *(text for text, _ in samples)]
    expected = [*_slowly(tokenizer, odd), *(ids for _, ids in samples)]
    for text, ids, own in zip(texts, expected, fast(texts), strict=True):
        if ids != own:
            return None, f"tokenizers: tiktoken gives other ids for {text[:40]!r}"
    return fast, "tiktoken"


class _Tiktoken:
    """A tokenizer in tiktoken, with the tokenizer itself for texts that tiktoken cannot take."""

    def __init__(self, tokenizer: Any, tree: Any) -> None:
        self._tokenizer = tokenizer
        self._encode: Callable[[str], Ids] = encoding(tree).encode_ordinary
        self._normalized = _normalizer(tokenizer, tree)
        added = tree.get("added_tokens") or []
        # `encode_special_tokens` makes text of special tokens, not of others that were added (<think> in Qwen 3).
        self._added = _any_of(token["content"] for token in added)
        self._not_special = _any_of(token["content"] for token in added if not token["special"])

    def __call__(self, texts: Sequence[str]) -> list[Ids]:
        n = min(workers(), len(texts))
        if n < 2:
            return self._some(texts)
        with ThreadPoolExecutor(n) as pool:  # the library lets go of the interpreter while it works
            parts = [texts[i::n] for i in range(n)]
            found: list[Ids] = [[]] * len(texts)
            for i, ids in enumerate(pool.map(self._some, parts)):
                found[i::n] = ids
        return found

    def _some(self, texts: Sequence[str]) -> list[Ids]:
        starts, tokens = self._not_special if self._tokenizer.encode_special_tokens else self._added
        encode, normalized = self._encode, self._normalized
        found = []
        for text in texts:
            seen = normalized(text)
            # A look for one character is forty times as fast as one for any of the tokens.
            if (len(seen) > LONGEST_RUN and _long_run(seen)) or (
                any(char in text for char in starts) and (tokens.search(text) or tokens.search(seen))
            ):
                found.append(self._tokenizer.encode(whole(text), add_special_tokens=False).ids)
            else:
                found.append(encode(seen))
        return found


def _any_of(texts: Iterable[str]) -> tuple[str, re.Pattern[str]]:
    """The characters that one of the texts begins with, and a pattern for all of them."""
    found = sorted(set(texts))
    return "".join(sorted({text[0] for text in found})), re.compile("|".join(map(re.escape, found)))


def _long_run(text: str) -> bool:
    """Whether more than `LONGEST_RUN` characters in a row are spaces, or are none."""
    words = text.split()
    longest = max(map(len, words), default=0)
    spaces = len(text) - sum(map(len, words))
    return longest > LONGEST_RUN or (spaces - len(words) >= LONGEST_RUN and _long_space(text))


def _long_space(text: str) -> bool:
    return any(found.end() - found.start() > LONGEST_RUN for found in re.finditer(r"\s\s+", text))


def workers() -> int:
    """Threads to encode with: as many as `tokenizers` would take."""
    if os.environ.get("TOKENIZERS_PARALLELISM", "").lower() in ("off", "false", "f", "no", "n", "0"):
        return 1
    given = os.environ.get("RAYON_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else os.cpu_count() or 1


def _normalizer(tokenizer: Any, tree: Any) -> Callable[[str], str]:
    """What the tokenizer does to a text before it cuts it."""
    node = tree.get("normalizer")
    if node is None:
        return whole
    slowly: Callable[[str], str] = tokenizer.normalizer.normalize_str
    if node != {"type": "NFC"}:
        return lambda text: slowly(whole(text))
    return lambda text: text if text.isascii() else _composed(text, slowly)


# Characters that NFC may join to what stands before, and to what. With one of them anywhere, Python's quick check takes
# the long way (26 MB/s in Tamil, 43 in Burmese), though only these pairs are ever joined.
_JOINED = (("\u102e", "\u1025"), ("\u0bbe", "\u0bc6\u0bc7"), ("\u0bd7", "\u0b92\u0bc6"))
_NEVER_JOINED = "\u0e01"


def _composed(text: str, slowly: Callable[[str], str]) -> str:
    """The text in NFC; `slowly` is only asked for words that are not, as a space joins nothing.

    A character that this Python does not know may be a mark in the Unicode of the other library.
    """
    if _odd().search(text) and any(unicodedata.category(char) in _NOT_KNOWN for char in set(text)):
        return slowly(whole(text))
    # Burmese asat and dot below: the order that NFC gives them, and all that it changes in two of five phrases.
    text = text.replace("\u103a\u1037", "\u1037\u103a")
    shown = text
    for char, before in _JOINED:
        if char in shown and not any(first + char in shown for first in before):
            shown = shown.replace(char, _NEVER_JOINED)
    is_normalized = unicodedata.is_normalized
    if is_normalized("NFC", shown):
        return text
    words = zip(text.split(" "), shown.split(" "), strict=True)
    return " ".join([word if is_normalized("NFC", seen) else slowly(word) for word, seen in words])


_NOT_KNOWN = ("Cn", "Cs")


@lru_cache(maxsize=1)
def _odd() -> re.Pattern[str]:
    """Characters below U+10000 that this Python does not know, halves of surrogate pairs, and all from there on.

    `re` looks those below up in a table; many ranges beyond would be tried one by one, at a hundredth of the speed.
    """
    codes = [code for code in range(0x10000) if unicodedata.category(chr(code)) in _NOT_KNOWN]
    starts = [code for code, before in zip(codes, [-2, *codes], strict=False) if code != before + 1]
    ends = [code for code, after in zip(codes, [*codes[1:], -2], strict=True) if code != after - 1]
    spans = "".join(f"\\u{a:04x}-\\u{b:04x}" for a, b in zip(starts, ends, strict=True))
    return re.compile(f"[{spans}\\U00010000-\\U0010ffff]")
