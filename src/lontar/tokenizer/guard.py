"""What keeps the base's own text unchanged: the guard text, and the rules that a new merge must pass.

Every new merge ranks below every old one, so the base's merges run to the end first. A merge of a script group makes a
token with that script's bytes, so text without the script has no pair to merge: that is a proof. Latin has no such
bytes; a Latin merge that fires on the guard text is dropped together with those built on it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

from lontar.errors import ConfigError
from lontar.models.vocab import WITH_MARKS, split_pattern, token_bytes
from lontar.text.unicode import is_utf8, script_of
from lontar.tokenizer.base import Bpe, Pair, text_of
from lontar.tokenizer.merges import tokens_of, without

LATIN = "Latin"
_REBUILT = (
    "transformers rebuilds the pattern of `model_type: qwen2` whatever the files say, and ids would change silently"
)


@dataclass(frozen=True)
class Choice:
    """A base with the pattern that its extension will have, and why it is that one (None: as asked)."""

    base: Bpe
    note: str | None = None


def choose_pattern(base: Bpe, how: Literal["auto", "marks", "keep"], model_type: str, guard: Sequence[str]) -> Choice:
    """The base with the pattern that keeps marks with their letters, where its loaders and the guard text allow that.

    Args:
        base: the base's tokenizer.
        how: `auto` falls back to the base's pattern, `marks` insists.
        model_type: of the base model ("" for a bare tokenizer): decides what its loader allows.
        guard: text whose ids must not change.

    Raises:
        ConfigError: `marks` is asked for and not possible.
    """
    if how == "keep":
        return Choice(base)
    reason = _why_not(base, model_type)
    if reason is None and (changed := base.with_pattern(WITH_MARKS[str(base.pattern)])).tree is not base.tree:
        # The patterns differ in what they do with combining marks: text without any is cut alike by both.
        marked = (text for text in guard if has_marks(text))
        text = next((text for text in marked if changed.encode(text) != base.encode(text)), None)
        if text is None:
            return Choice(changed)
        reason = f"it changes the ids of guarded text: {text[:60]!r}"
    if reason is None:
        return Choice(base)
    if how == "marks":
        raise ConfigError(f"pattern 'marks' is not possible on this base: {reason}", hint="use pattern=keep")
    return Choice(base, f"the base's pattern is kept: {reason}")


def _why_not(base: Bpe, model_type: str) -> str | None:
    if model_type == "qwen2":
        return _REBUILT
    if base.pattern not in WITH_MARKS:
        named = base.pattern or f"unnamed ({str(split_pattern(base.tree))[:40]!r}...)"
        return f"its pattern is {named}, and no form of it that keeps marks has a name that every loader knows"
    return None


def has_marks(text: str) -> bool:
    """Whether a combining mark stands in the text once it is composed."""
    return not text.isascii() and any(
        unicodedata.category(c)[0] == "M" for c in set(unicodedata.normalize("NFC", text))
    )


def straddling(base: Bpe, scripts: Iterable[str]) -> list[Pair]:
    """Merges of the base whose token has a character of a script whole and another one in part.

    All letters of such a script begin with the same two bytes, so a base that saw little of it has learned to join a
    vowel sign with the first two bytes of whatever comes next. Qwen3 has five: two Khmer, three Tamil. They run before
    every new merge, and tear apart the letter that follows: at +16,384 tokens 17 % of Tamil and 22 % of Khmer tokens
    break a character with them, 0.1 and 9 % without (`bench_tokenizer.py --keep-torn`). A merge that a token which is
    text is built on stays.
    """
    leads = [lead for script in sorted(scripts) if script != LATIN for lead in lead_bytes(script)]
    torn = [left + right for left, right in base.merges if _torn(token_bytes(left + right), leads)]
    built: dict[str, list[str]] = {}
    for left, right in base.merges:
        for part in {left, right}:
            built.setdefault(part, []).append(left + right)
    gone: set[str] = set()
    for start in torn:
        over = _above(start, built)
        if not any(is_utf8(token_bytes(token)) for token in over):
            gone |= over
    return [pair for pair in base.merges if pair[0] + pair[1] in gone]


def _above(token: str, built: Mapping[str, Sequence[str]]) -> set[str]:
    """The token and all that are built on it."""
    found, stack = set[str](), [token]
    while stack:
        if (one := stack.pop()) not in found:
            found.add(one)
            stack += built.get(one, ())
    return found


def _torn(data: bytes, leads: Sequence[bytes]) -> bool:
    """Whether the bytes end within a character, and hold a whole one before."""
    whole = data.decode("utf-8", "ignore")
    if not whole or len(whole.encode("utf-8")) == len(data) or not any(lead in data for lead in leads):
        return False
    return data.startswith(whole.encode("utf-8"))


def has_script(piece: str, script: str) -> bool:
    """Whether a pre-token (in byte characters) has a letter or mark of the script."""
    if script == LATIN:
        return any(script_of(char) == script for char in text_of(piece))
    data = token_bytes(piece)
    return any(lead in data for lead in lead_bytes(script))


def own_script(merges: Sequence[Pair], script: str) -> list[Pair]:
    """Merges whose token has bytes that only the group's script has."""
    if script == LATIN:
        return list(merges)
    return without(merges, [token for token in tokens_of(merges) if not has_script(token, script)])


@cache
def lead_bytes(script: str) -> tuple[bytes, ...]:
    """What the UTF-8 of the script's characters begins with: all bytes but the last. {E0 B8, E0 B9} for Thai."""
    chars = (chr(i) for i in range(0x80, 0x20000) if not 0xD800 <= i < 0xE000)
    return tuple(sorted({char.encode("utf-8")[:-1] for char in chars if script_of(char) == script}))


def guarded(base: Bpe, merges: Sequence[Pair], pieces: Iterable[str]) -> list[Pair]:
    """Merges without those that change the tokens of the guard text's pre-tokens, and those built on them.

    The first new merge to run in a pre-token joins two tokens that the base left side by side. So when none of the
    merges joins two such tokens, none runs, and none of any choice among them does.
    """
    side_by_side, whole = set[Pair](), set[str]()
    for piece in set(pieces):
        tokens = base.split(piece)
        side_by_side.update(pairwise(tokens))
        if len(tokens) > 1:
            whole.add(piece)  # Llama 3 takes a pre-token that is in the vocabulary whole, merges or not
    return without(merges, [a + b for a, b in merges if (a, b) in side_by_side or a + b in whole])
