"""Continue a base's BPE: learn further merges on top of its own tokens, in Rust without writing Rust.

Every pre-token is split by the base; each of its tokens becomes one private character; the trainer of `tokenizers`
learns merges of those, which are mapped back to byte-level pairs.

Grapheme-first: merges inside user-perceived characters come first, until every character seen often enough is one
token; then characters are merged with characters. A rarer character is a wall between words. On Burmese this lowers
tokens that break a character from 5 % to 0.5 % at the same length.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lontar.core.extras import need
from lontar.models.vocab import token_bytes
from lontar.text.graphemes import cluster_borders
from lontar.text.unicode import is_utf8
from lontar.tokenizer.base import Bpe, Pair

Word = tuple[str, ...]
# Private characters begin above Latin-1, where the word delimiter is.
_FIRST = 0x100
_SURROGATES = range(0xD800, 0xE000)
# A character earns a token of its own when it is seen this often: twice in a tiny corpus, 20 times in ten megabytes.
MIN_CHARACTER_COUNT, MAX_CHARACTER_COUNT, CHARACTERS_PER_COUNT = 2, 20, 100_000


@dataclass(frozen=True)
class Settings:
    """How to learn merges."""

    new_tokens: int
    min_count: int
    max_token_chars: int
    grapheme_first: bool
    characters_first: bool = False
    """single characters (code points) before user-perceived ones: for a base that has bytes alone"""


def learn(base: Bpe, counts: Mapping[str, int], settings: Settings) -> list[Pair]:
    """Merges in order of rank, as byte-level pairs, for pre-tokens with their counts."""
    # Of each token and each character there is one object: phrases of unspaced scripts would fill half a gigabyte.
    same: dict[str, str] = {}
    words = {tuple(same.setdefault(t, t) for t in base.split(piece)): n for piece, n in sorted(counts.items())}
    merges = _grapheme_first(words, settings) if settings.grapheme_first else _train(words, settings)
    return without(merges, [token for token in tokens_of(merges) if length(token) > settings.max_token_chars])


def _grapheme_first(words: Mapping[Word, int], settings: Settings) -> list[Pair]:
    same: dict[Word, Word] = {}
    points: list[Pair] = []
    if settings.characters_first:
        points, words = _characters_first(words, settings)
    split = {word: [same.setdefault(cluster, cluster) for cluster in clusters_of(word)] for word in words}
    seen: Counter[Word] = Counter()
    for word, clusters in split.items():
        for cluster in clusters:
            seen[cluster] += words[word]
    least = threshold(seen.total())
    frequent = {cluster: n for cluster, n in seen.items() if len(cluster) > 1 and n >= least}
    first = train(frequent, settings.new_tokens - len(points), 1, settings.max_token_chars)
    whole = {*tokens_of(first)}
    runs: Counter[Word] = Counter()
    for word, clusters in split.items():
        for run in _runs(clusters, whole):
            runs[run] += words[word]
    rest = settings.new_tokens - len(points) - len(first)
    return [*points, *first, *train(runs, rest, settings.min_count, settings.max_token_chars)]


def _characters_first(words: Mapping[Word, int], settings: Settings) -> tuple[list[Pair], dict[Word, int]]:
    """Merges of the bytes of single characters, from left to right, and the words with those characters whole.

    All letters of a script begin with the same bytes. Learned from words, the first merges would join the end of one
    letter with the beginning of the next: 85 % of Burmese tokens broke a character in a vocabulary trained that way.
    """
    seen: Counter[Word] = Counter()
    for word, n in words.items():
        for char in _code_points(word):
            seen[char] += n
    least = threshold(seen.total())
    frequent = {char: n for char, n in seen.items() if len(char) > 1 and n >= least}
    starts: Counter[Word] = Counter()
    for char, n in frequent.items():
        for end in range(2, len(char) + 1):
            starts[char[:end]] += n
    ranked = sorted(starts, key=lambda start: (len(start), -starts[start], start))
    merges = [("".join(start[:-1]), start[-1]) for start in ranked][: settings.new_tokens]
    whole = {*tokens_of(merges)} & {"".join(char) for char in frequent}
    joined: Counter[Word] = Counter()
    for word, n in words.items():
        joined[tuple(_joined(word, whole))] += n
    return merges, joined


def _joined(word: Word, whole: Collection[str]) -> Iterator[str]:
    for char in _code_points(word):
        if (token := "".join(char)) in whole:
            yield token
        else:
            yield from char


def _code_points(word: Word) -> Iterator[Word]:
    """The bytes of a word by character; bytes that are no text stand alone."""
    begin = 0
    for end in range(1, len(word) + 1):
        if end == len(word) or token_bytes(word[end])[0] & 0xC0 != 0x80:
            yield word[begin:end]
            begin = end


def _train(words: Mapping[Word, int], settings: Settings) -> list[Pair]:
    return train(words, settings.new_tokens, settings.min_count, settings.max_token_chars)


def threshold(characters: int) -> int:
    """How often a character must be seen in a corpus of so many to become a token."""
    return min(MAX_CHARACTER_COUNT, max(MIN_CHARACTER_COUNT, characters // CHARACTERS_PER_COUNT))


def _runs(clusters: Sequence[Word], whole: set[str]) -> Iterator[Word]:
    """Stretches of characters that are one token each; any other character parts them."""
    run: list[str] = []
    for cluster in clusters:
        token = "".join(cluster)
        if len(cluster) == 1 or token in whole:
            run.append(token)
            continue
        yield tuple(run)
        run = []
    yield tuple(run)


def train(words: Mapping[Word, int], n: int, min_count: int, max_pieces: int) -> list[Pair]:
    """At most `n` merges learned from words of tokens; ties are broken the same way every time.

    A learned token joins at most `max_pieces` of the tokens that it was learned from.
    """
    words = {word: count for word, count in words.items() if len(word) > 1}
    if n <= 0 or not words:
        return []
    tokenizers = need("tokenizers", extra="train")
    tokens = sorted({token for word in words for token in word})
    code = dict(zip(tokens, _characters(), strict=False))
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.CharDelimiterSplit("\n")
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=len(tokens) + n,
        min_frequency=min_count,
        max_token_length=max_pieces + 1,  # the trainer's limit is one that tokens stay below
        show_progress=False,
    )
    made.train_from_iterator(_lines(words, code), trainer)
    back = {char: token for token, char in code.items()}
    found = json.loads(made.to_str())["model"]["merges"]
    return [(_decoded(left, back), _decoded(right, back)) for left, right in found]


def _characters() -> Iterator[str]:
    return (chr(i) for i in range(_FIRST, 0x110000) if i not in _SURROGATES)


def _lines(words: Mapping[Word, int], code: Mapping[str, str]) -> Iterator[str]:
    """Each word as often as it was seen: the trainer counts, and takes no counts."""
    for word, n in sorted(words.items()):
        yield "\n".join(["".join(code[token] for token in word)] * n)


def _decoded(chars: str, back: Mapping[str, str]) -> str:
    return "".join(back[char] for char in chars)


def clusters_of(word: Sequence[str]) -> list[Word]:
    """The word's tokens grouped by user-perceived character.

    Tokens that reach over a border join what they touch. A word that is no text has one group per token.
    """
    data = b"".join(token_bytes(token) for token in word)
    if not is_utf8(data):
        return [(token,) for token in word]
    ends = cluster_borders(data.decode("utf-8"))
    groups: list[Word] = []
    begin = at = 0
    for i, token in enumerate(word):
        at += len(token)  # a byte-level token has one character per byte
        if at in ends:
            groups.append(tuple(word[begin : i + 1]))
            begin = i + 1
    return groups


def inside_character(pair: Pair) -> bool:
    """Whether the merge makes at most one user-perceived character, or a part of one."""
    data = token_bytes(pair[0] + pair[1])
    return not is_utf8(data) or len(cluster_borders(data.decode("utf-8"))) == 2


def length(token: str) -> int:
    """Characters (code points) of a byte-level token, a begun one counted as one."""
    return sum(byte & 0xC0 != 0x80 for byte in token_bytes(token))


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
