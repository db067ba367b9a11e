"""Extraction rules for answers that follow an answer tag; robust where the official rules are not.

Thinking is left out, the last answer counts, and neither brackets, quotes, markdown, native digits and colons, NFD nor
zero-width characters hide a label. A label is a whole word: `Apel` does not begin with the label A. Where nothing, or
more than one label, could be meant there is no answer, and `why` says which.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lontar.languages import Language
from lontar.scoring.registries import extractor
from lontar.scoring.results import Sample
from lontar.text import ascii_digits

# Invisible, and without meaning between letters: zero-width space, word joiner, byte order mark, soft hyphen.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\x00"))
_OPEN = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE = re.compile(r"</(think|thinking|reasoning)>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s{0,9}\{([^{}]{0,200})\}")
# What may stand before a label: space, markdown, quotes, brackets, a box of LaTeX.
_BEFORE = r"""[\s*_`#>"'“”‘’«»「『【\[(（{<:：=\-–—$]*(?:\\boxed\s*\{|\\text\s*\{|\\\()?[\s*_`"'“”‘’「『【\[(（{]*"""
_EDGES = " \t\r\n*_`#>\"'“”‘’«»「」『』【】[]()（）{}<>.,:;!?。．，、：；！？။၊៖។៕॥।ฯ-–—$\\"
_SEPARATED = r"\s*(?:[,/&+;|、，။၊]|\s(?:or|and|atau|dan|utawa|jeung|atawa|hoặc|và|หรือ|และ|ຫຼື|និង|ឬ|at|o|或|和)\s)\s*"
_NOTHING, _SEVERAL = "no label after the answer tag", "more than one label after the answer tag"
_LONGEST = 200
"""characters of a line that may be nothing but a label"""


def without_thinking(text: str) -> str | None:
    """What a model says after it has thought; None where its thinking never ended."""
    end = 0
    for found in _CLOSE.finditer(text):
        end = found.end()
    rest = text[end:]
    begun = _OPEN.search(rest)
    if begun is None:
        return rest
    # Something was said before the model began to think again, and it never came back.
    before = rest[: begun.start()]
    return before if before.strip() else None


def visible(text: str) -> str | None:
    """The text as it is looked at: without thinking and invisible characters, composed."""
    said = without_thinking(text)
    return None if said is None else unicodedata.normalize("NFC", said.translate(_INVISIBLE))


@dataclass(frozen=True)
class _Found:
    label: str | None = None
    why: str = ""


@dataclass(frozen=True)
class _Labels:
    """The labels of a task, and how they are found."""

    by_form: dict[str, str]
    tag: re.Pattern[str] | None
    tagged: re.Pattern[str]
    anywhere: re.Pattern[str] | None
    short: re.Pattern[str] | None

    def canonical(self, text: str) -> str | None:
        """The label that a text is, whatever stands around it."""
        return self.by_form.get(form(text)) or self.by_form.get(form(text.strip(_EDGES)))


def form(text: str) -> str:
    """The form in which labels are compared."""
    return " ".join(ascii_digits(unicodedata.normalize("NFC", text.translate(_INVISIBLE))).casefold().split())


@lru_cache(maxsize=512)
def _compiled(tag: str, labels: tuple[str, ...]) -> _Labels:
    by_form = {form(label): label for label in labels}
    forms = sorted((name for name in by_form if name), key=lambda name: (-len(name), name))
    one = "|".join(f"{_words(name)}{_end(name)}" for name in forms) or r"(?!)"
    long = [name for name in forms if not _is_letter(name)]
    letters = [name for name in forms if _is_letter(name)]
    anywhere = "|".join(rf"{_start(name)}{_words(name)}{_end(name)}" for name in long)
    return _Labels(
        by_form,
        tag_pattern(tag),
        re.compile(rf"{_BEFORE}({one})(?:{_SEPARATED}[\s(\[*\"']*({one}))?", re.IGNORECASE),
        re.compile(anywhere, re.IGNORECASE) if long else None,
        _standalone(letters),
    )


def tag_pattern(tag: str) -> re.Pattern[str] | None:
    """An answer tag, literally, with markdown and space around its colon and with either colon; None for none."""
    words = unicodedata.normalize("NFC", tag).strip().rstrip(":：").split()
    if not words:
        return None
    colon = r"[\s*_`]{0,9}[:：]" if tag.strip().endswith((":", "：")) else r"[\s*_`]{0,9}[:：]?"
    return re.compile(r"[\s*_]{1,9}".join(map(re.escape, words)) + colon, re.IGNORECASE)


def _words(name: str) -> str:
    return r"\s+".join(map(re.escape, name.split()))


def _is_letter(name: str) -> bool:
    return len(name) == 1 and name.isascii()


def _spaced(char: str) -> bool:
    """Whether words of the character's script end at spaces, so that a letter behind it belongs to the same word."""
    return not ("\u0e00" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff") and not (
        "\u3040" <= char <= "\u9fff"
    )


def _start(name: str) -> str:
    return r"(?<!\w)" if _spaced(name[0]) else ""


def _end(name: str) -> str:
    # In scripts without spaces another word may follow at once, but no mark that changes the last letter.
    return r"(?![\w\u0300-\u036f])" if _spaced(name[-1]) else rf"(?![{_MARKS}])"


# Vowel signs, tone marks and other marks of Thai, Lao, Burmese and Khmer.
_MARKS = r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"


def _standalone(letters: Sequence[str]) -> re.Pattern[str] | None:
    """Forms in which a letter is a label and no word of a sentence: `(A)`, `**A**`, `A.` or `A)` at a line's start."""
    if not letters:
        return None
    one = "".join(re.escape(letter) for letter in letters)
    forms = (
        rf"[(\[（【]\s?([{one}])\s?[)\]）】]",
        rf"\*\*([{one}])[.):]?\*\*",
        rf"^\s{{0,9}}([{one}])\s?[.):：](?!\w)",
    )
    return re.compile("|".join(forms), re.IGNORECASE | re.MULTILINE)


def find_label(text: str, sample: Sample) -> _Found:
    """The label that an answer names, or why there is none."""
    # The rule is asked first, and for an answer without a label `why` right after it: what was found last is kept.
    if _last.text is not text or _last.sample is not sample:
        _last.text, _last.sample, _last.found = text, sample, _find(text, sample)
    return _last.found


class _Last(threading.local):
    text: str | None = None
    sample: Sample | None = None
    found = _Found()


_last = _Last()


def _find(text: str, sample: Sample) -> _Found:
    said = visible(text)
    if said is None:
        return _Found(why="the thinking never ended")
    if not said.strip():
        return _Found(why="empty answer")
    labels = sample.facts.get("labels")
    known = _compiled(
        str(sample.facts.get("answer_tag") or ""),
        tuple(map(str, labels)) if isinstance(labels, list | tuple) else tuple(sample.choices),
    )
    plain = ascii_digits(said)
    tags = list(known.tag.finditer(plain)) if known.tag is not None else []
    reason = _NOTHING if tags else "no answer tag, and the answer is no label"
    for tag in reversed(tags):
        found = known.tagged.match(plain, tag.end())
        if found is None:
            continue
        first, second = known.canonical(found[1]), known.canonical(found[2]) if found[2] else None
        if second is not None and second != first:
            return _Found(why=f"{_SEVERAL}: {first}, {second}")
        if first is not None:
            return _Found(first)
    return _untagged(plain, known, reason)


def _untagged(text: str, known: _Labels, reason: str) -> _Found:
    """The answer is a label as a whole, or in its box, its last or its first line, or names just one."""
    boxed = _BOXED.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    for part in (text, *boxed[-1:], *lines[-1:], *lines[:1]):
        if len(part) <= _LONGEST and (label := known.canonical(part)) is not None:
            return _Found(label)
    named: dict[str, None] = {}
    for pattern in (known.anywhere, known.short):
        for found in pattern.finditer(text) if pattern is not None else ():
            part = next((group for group in found.groups() if group), found[0])
            if (label := known.canonical(part)) is not None:
                named[label] = None
    if len(named) == 1:
        return _Found(next(iter(named)))
    return _Found(why=f"more than one label: {', '.join(named)}" if named else reason)


@extractor("label")
def label(text: str, sample: Sample, lang: Language, /) -> str | None:
    """One of the sample's labels (`facts.labels`): after the last answer tag, or as the only one that is named."""
    return find_label(text, sample).label


@extractor("tagged_text")
def tagged_text(text: str, sample: Sample, lang: Language, /) -> str | None:
    """What follows the last answer tag, or the whole answer; as many paragraphs as the longest reference has."""
    said = visible(text)
    if said is None:
        return None
    pattern = _tag_of(str(sample.facts.get("answer_tag") or ""))
    end = 0
    for found in pattern.finditer(said) if pattern is not None else ():
        end = found.end()
    return _paragraphs(_unwrapped(said[end:], sample.references), sample.references) or None


_tag_of = lru_cache(maxsize=512)(tag_pattern)
_FENCE = re.compile(r"\A```[\w-]{0,20}\n(.*?)\n?```", re.DOTALL)
_QUOTES = (('"', '"'), ("“", "”"), ("'", "'"), ("‘", "’"), ("「", "」"), ("«", "»"), ("**", "**"), ("`", "`"))


def _unwrapped(text: str, references: Sequence[str]) -> str:
    """A text without the fence, quotes or emphasis that is around all of it, unless a reference has them too."""
    text = text.strip()
    if (fenced := _FENCE.match(text)) is not None:
        text = fenced[1].strip()
    text = text.lstrip("*` \t\r\n") if text.startswith(("** ", "**\n", "* ")) else text
    for before, after in _QUOTES:
        inner = text[len(before) : -len(after)]
        if len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after):
            alike = any(reference.lstrip().startswith(before) for reference in references)
            if before not in inner and after not in inner and not alike:
                text = inner.strip()
    return text


def _paragraphs(text: str, references: Iterable[str]) -> str:
    most = max((len(re.split(r"\n\s*\n", reference.strip())) for reference in references), default=0)
    # A remark of the model's after an empty line is no part of its answer.
    return "\n\n".join(re.split(r"\n[^\S\n]*\n", text)[:most]).strip() if most else text


@extractor("spoken")
def spoken(text: str, sample: Sample, lang: Language, /) -> str | None:
    """The whole answer without thinking."""
    said = without_thinking(text)
    return None if said is None else said.strip() or None


@extractor("between_tags")
def between_tags(text: str, sample: Sample, lang: Language, /) -> str | None:
    """What stands between the last answer tag and the closing one, `</...`; without the latter, all that follows."""
    said = visible(text)
    if said is None:
        return None
    tag = unicodedata.normalize("NFC", str(sample.facts.get("answer_tag") or "")).strip()
    start = said.rfind(tag) if tag else 0
    if start < 0:
        return said.strip() or None
    return said[start + len(tag) :].partition("</")[0].strip() or None


def why(text: str, sample: Sample) -> str:
    """Why an extraction rule finds no answer in a text, as far as it can be told; empty otherwise."""
    if sample.facts.get("labels"):
        return find_label(text, sample).why
    said = without_thinking(text)
    return "the thinking never ended" if said is None else "" if said.strip() else "empty answer"
