"""Continue a base's BPE: learn further merges on top of its own tokens, in Rust without writing Rust.

Every pre-token is encoded by the base; each of its tokens becomes one private character; the trainer of `tokenizers`
learns merges of those, which are mapped back to byte-level pairs (the method and its figures: docs/adr/0004).

Grapheme-first: merges inside user-perceived characters come first, until every character seen often enough is one
token; then characters are merged with characters. A rarer character is a wall between words. On Burmese this lowers
tokens that break a character from 5 % to 0.5 % at the same length.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lontar.core.extras import need
from lontar.models.vocab import token_bytes
from lontar.tokenizer.base import Bpe

Pair = tuple[str, str]
Word = tuple[str, ...]
_FIRST = 0x100
_SURROGATES = range(0xD800, 0xE000)
# A character seen less often than this is not worth a token of its own.
MIN_CHARACTER_COUNT = 5


@dataclass(frozen=True)
class Settings:
    """How to learn merges."""

    new_tokens: int
    min_count: int
    max_token_chars: int
    grapheme_first: bool


def learn(base: Bpe, counts: Mapping[str, int], settings: Settings) -> list[Pair]:
    """Merges in order of rank, as byte-level pairs, for pre-tokens with their counts."""
    if not settings.grapheme_first:
        words = {tuple(base.split(piece)): n for piece, n in sorted(counts.items())}
        return train(words, settings.new_tokens, settings.min_count, settings.max_token_chars)
    first = train(_characters_seen(base, counts, settings), settings.new_tokens, 1, settings.max_token_chars)
    runs = _runs(base.extended(first), counts)
    rest = train(runs, settings.new_tokens - len(first), settings.min_count, settings.max_token_chars)
    return [*first, *rest]


def _characters_seen(base: Bpe, counts: Mapping[str, int], settings: Settings) -> dict[Word, int]:
    """Characters of several tokens that are seen often enough to become one, with their counts."""
    seen: Counter[Word] = Counter()
    for piece, n in sorted(counts.items()):
        for cluster in clusters_of(base.split(piece)):
            if len(cluster) > 1:
                seen[cluster] += n
    return {word: n for word, n in seen.items() if n >= max(2, min(MIN_CHARACTER_COUNT, settings.min_count))}


def _runs(base: Bpe, counts: Mapping[str, int]) -> Counter[Word]:
    """Words as runs of whole characters; a character that is not one token parts the runs."""
    runs: Counter[Word] = Counter()
    for piece, n in sorted(counts.items()):
        run: list[str] = []
        for cluster in [*clusters_of(base.split(piece)), ()]:
            if len(cluster) == 1:
                run.append(cluster[0])
                continue
            if len(run) > 1:
                runs[tuple(run)] += n
            run = []
    return runs


def train(words: Mapping[Word, int], n: int, min_count: int, max_chars: int) -> list[Pair]:
    """At most `n` merges learned from words of tokens; ties are broken the same way every time."""
    if n <= 0 or not any(len(word) > 1 for word in words):
        return []
    tokenizers = need("tokenizers", extra="train")
    tokens = sorted({token for word in words for token in word})
    code = dict(zip(tokens, _characters(), strict=False))
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.CharDelimiterSplit("\n")
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=len(tokens) + n, min_frequency=min_count, max_token_length=max_chars, show_progress=False
    )
    made.train_from_iterator(_lines(words, code), trainer)
    back = {char: token for token, char in code.items()}
    found = json.loads(made.to_str())["model"]["merges"]
    return [(_decoded(left, back), _decoded(right, back)) for left, right in found]


def _characters() -> Iterator[str]:
    return (chr(i) for i in range(_FIRST, 0x110000) if i not in _SURROGATES)


def _lines(words: Mapping[Word, int], code: Mapping[str, str]) -> Iterator[str]:
    for word, n in sorted(words.items()):
        if len(word) > 1:
            yield "\n".join(["".join(code[token] for token in word)] * n)


def _decoded(chars: str, back: Mapping[str, str]) -> str:
    return "".join(back[char] for char in chars)


def clusters_of(word: Sequence[str]) -> list[Word]:
    """The word's tokens grouped by user-perceived character. A token that reaches over a border stands alone."""
    regex = need("regex", extra="text")
    data = b"".join(token_bytes(token) for token in word)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [(token,) for token in word]
    ends, at = set[int](), 0
    for cluster in regex.findall(r"\X", text):
        at += len(cluster.encode("utf-8"))
        ends.add(at)
    groups: list[Word] = []
    current: list[str] = []
    at = 0
    for token in word:
        current.append(token)
        at += len(token_bytes(token))
        if at in ends:
            groups.append(tuple(current))
            current = []
    return [*groups, tuple(current)] if current else groups


def without(merges: Sequence[Pair], dropped: Iterable[str]) -> list[Pair]:
    """Merges without those that make a dropped token, or that need one."""
    gone = set(dropped)
    kept = []
    for left, right in merges:
        if left in gone or right in gone or left + right in gone:
            gone.add(left + right)
        else:
            kept.append((left, right))
    return kept


def tokens_of(merges: Iterable[Pair]) -> list[str]:
    """What the merges make."""
    return [left + right for left, right in merges]
