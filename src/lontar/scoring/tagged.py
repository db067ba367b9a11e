"""Extraction rules for answers that follow an answer tag; robust where the official rules are not.

Thinking is left out, the last answer counts, and neither brackets, quotes, markdown, native digits and colons, NFD nor
zero-width characters hide a label. A label is a whole word: `Apel` does not begin with the label A. Where nothing, or
more than one label, could be meant there is no answer, and `why` says which.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from lontar.languages import Language
from lontar.scoring.label_words import DENIED, DENIED_AFTER, EVERYDAY, OPTION, PARTICLES, SEPARATED
from lontar.scoring.registries import extractor
from lontar.scoring.results import Sample
from lontar.text import ascii_digits

# Invisible, and without meaning between letters: zero-width space, word joiner, byte order mark, soft hyphen, NUL, and
# what turns the direction of writing.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\x00\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_OPEN = re.compile(r"<(?:seed:)?(?:think|thinking|thought|reasoning)>|\[THINK\]|◁think▷", re.IGNORECASE)
_CLOSE = re.compile(r"</(?:seed:)?(?:think|thinking|thought|reasoning)>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s{0,9}\{(?:\\text\s{0,9}\{)?([^{}]{0,200})\}")
# Marks that no letter has: composing them takes time that grows with their square.
_HEAP = re.compile(r"[^\w\s\x00-\x7f]{33,}")
# What may stand before a label: space, markdown, quotes, brackets, a box of LaTeX, a word for an option.
_SKIPPED = "*_`#>\"'“”‘’«»「『【[(（{<:：=-–—$•·→✅|\u200c\u200d"
_EDGES = " \t\r\n*_`#>\"'“”‘’«»「」『』【】[]()（）{}<>.,:;!?。．，、：；！？။၊៖។៕॥।ฯ-–—$\\…•·→✅|\u200c\u200d"
_NOTHING, _SEVERAL = "no label after the answer tag", "more than one label after the answer tag"
_LONGEST = 200
"""characters of a line that may be nothing but a label"""
_MOST = 1000
"""tags, and labels without one, that are looked at; who repeats them more often says nothing new"""
_REACH = 24
"""characters before a label in which a word may deny it"""


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
    return None if said is None else composed(_INVISIBLE.sub("", said))


def composed(text: str) -> str:
    """The text in form C; of a heap of marks on one letter, the first 32."""
    return text if text.isascii() else unicodedata.normalize("NFC", _HEAP.sub(_lower_heap, text))


def _lower_heap(found: re.Match[str]) -> str:
    return found[0][:32] if any(map(unicodedata.combining, {*found[0]})) else found[0]


def digits(text: str) -> str:
    """The text with ASCII digits, one pass per digit that it has."""
    native = {ord(char): ascii_digits(char) for char in set(text) if char.isdecimal() and not char.isascii()}
    return text.translate(native) if native else text


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
    bare: re.Pattern[str]

    def canonical(self, text: str) -> str | None:
        """The label that a text is, whatever stands around it."""
        return self.by_form.get(form(text)) or self.by_form.get(form(text.strip(_EDGES)))


def form(text: str) -> str:
    """The form in which labels are compared."""
    return " ".join(digits(composed(_INVISIBLE.sub("", text))).casefold().split())


@lru_cache(maxsize=512)
def _compiled(tag: str, labels: tuple[str, ...]) -> _Labels:
    by_form = {form(label): label for label in labels if form(label)}
    names = sorted(by_form, key=lambda name: (-len(name), name))
    long = [name for name in names if len(name) > 1]
    named = [name for name in long if name not in EVERYDAY]
    first = "|".join(f"{_words(name)}{_end(name, long)}" for name in names) or r"(?!)"
    second = "|".join(f"{_words(name)}{_end(name, long)}{_alone(name)}" for name in names) or r"(?!)"
    anywhere = "|".join(rf"{_start(name)}{_words(name)}{_end(name, long)}" for name in named)
    return _Labels(
        by_form,
        tag_pattern(tag),
        re.compile(rf"{_before(names)}({first})(?:{SEPARATED}({second}))?", re.IGNORECASE),
        re.compile(anywhere, re.IGNORECASE) if named else None,
        _standalone([name for name in names if name not in named]),
        _bare(tag),
    )


def _before(names: Sequence[str]) -> str:
    """What is skipped between tag and label, without turning back: a label may not begin with it."""
    starts = {name[0] for name in names}
    skipped = rf"[\s{re.escape(''.join(char for char in _SKIPPED if char not in starts))}]*+"
    box = r"\\boxed\s*+\{|\\text\s*+\{|\\\("
    return rf"{skipped}(?:(?:{box}){skipped}){{0,3}}+(?:(?:{OPTION}){skipped})?"


def tag_pattern(tag: str) -> re.Pattern[str] | None:
    """An answer tag, literally, with markdown and space around its colon and with any colon; None for none."""
    whole = unicodedata.normalize("NFC", tag).strip()
    words = whole.rstrip(":：៖-–— ").split()
    if not words:
        return None
    dash = "" if whole.endswith((":", "：", "៖")) else r"\-–—"
    colon = rf"[\s*_`]{{0,9}}[:：៖{dash}]" + ("" if whole.endswith((*":：៖-–—",)) else "?")
    return re.compile(r"[\s*_]{1,9}".join(map(re.escape, words)) + colon, re.IGNORECASE)


def _bare(tag: str) -> re.Pattern[str]:
    """The words of an answer tag, or the English one, at the beginning of a line and without their colon."""
    words = unicodedata.normalize("NFC", tag).strip(_EDGES).split()
    one = r"answer|the\s+answer\s+is" + (f"|{_words(' '.join(words))}" if words else "")
    return re.compile(rf"[\s*_#>]{{0,9}}(?:{one})(?![^\W\d_])[\s*_`:：៖\-–—]{{0,20}}", re.IGNORECASE)


def _words(name: str) -> str:
    return r"\s+".join(map(re.escape, name.split()))


_LATIN = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u1e00-\u1eff"
# Scripts in which words stand without spaces between them, and the letters of each.
_UNSPACED = {
    "\u0e00-\u0e7f": r"\u0e01-\u0e2e\u0e40-\u0e44",
    "\u0e80-\u0eff": r"\u0e81-\u0eae\u0ec0-\u0ec4",
    "\u1000-\u109f": r"\u1000-\u102a\u103f\u1050-\u1055",
    "\u1780-\u17ff": r"\u1780-\u17b3",
    "\u3040-\u9fff": r"\u3040-\u9fff",
}
# Vowel signs, tone marks and other marks of Thai, Lao, Burmese and Khmer, none of which begins a word.
_MARKS = r"\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"


def _unspaced(char: str) -> str:
    """Letters of the script of a character, when words end in it without a space; empty otherwise."""
    return next((letters for block, letters in _UNSPACED.items() if block[0] <= char <= block[-1]), "")


def _same_script(char: str) -> str:
    """Characters that belong to one word with one of this script; another script's do not: `Aครับ`."""
    if "\u0b80" <= char <= "\u0bff":
        return r"\u0b80-\u0bff"
    return rf"{_LATIN}\d_\u0300-\u036f" if char.isdigit() or re.match(f"[{_LATIN}]", char) else r"\w\u0300-\u036f"


def _start(name: str) -> str:
    return "" if _unspaced(name[0]) else rf"(?<![{_same_script(name[0])}])"


def _end(name: str, long: Sequence[str]) -> str:
    """Where a label ends: no letter of its word follows, though another label may."""
    letters, last = _unspaced(name[-1]), name[-1]
    if letters:
        # A consonant with a killer mark closes the syllable before it.
        closed = rf"(?![{_MARKS}]|[\u1000-\u1021]\u1037?[\u1039\u103a])"
        return closed if len(name) > 1 else rf"(?![{_MARKS}])(?:(?={PARTICLES})|(?![{letters}]))"
    end = rf"(?![{_same_script(last)}])"
    if len(name) == 1:
        # `1.5` is no 1, and `C-reactive` no C.
        return end + (r"(?![.,]\d)" if last.isdigit() else r"(?!(?-i:[-‐‑'’][a-z]))")
    return rf"(?:{end}|(?=(?:{'|'.join(map(_words, long))})(?![{_same_script(last)}])))"


def _alone(name: str) -> str:
    """A second label is an answer of its own only where no sentence begins with it."""
    return "" if len(name) == 1 or _unspaced(name[-1]) else r"(?=[^\S\n]*(?:[^\w\s]|\n|\Z))"


def _standalone(names: Sequence[str]) -> re.Pattern[str] | None:
    """Forms in which a letter or everyday word is a label: `(A)`, `"A"`, `**A**`, `A.` at a line's start, `Ya.`."""
    if not names:
        return None
    one = "|".join(map(_words, names))
    forms = [
        rf"[(\[（【]\s?({one})\s?[)\]）】]",
        rf"\"({one})\"|“({one})”|「({one})」",
        rf"\*\*({one})[.):]?\*\*",
        rf"^\s{{0,9}}({one})\s?[.):：](?!\w)",
    ]
    if words := [name for name in names if len(name) > 1]:
        forms.append(rf"(?:^|[.!?。！？။।,，:：])\s{{0,9}}({'|'.join(map(_words, words))})\s?(?=[.!?。！？။।,，]|$)")
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
    plain = digits(said)
    tags = deque(known.tag.finditer(plain) if known.tag is not None else (), _MOST)
    reason = _NOTHING if tags else "no answer tag, and the answer is no label"
    for tag in reversed(tags):
        found = known.tagged.match(plain, tag.end())
        if found is None:
            continue
        first, second = known.canonical(found[1]), known.canonical(found[2]) if found[2] else None
        if second is None and DENIED_AFTER.match(plain, found.end()):
            continue
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
        if len(part) > _LONGEST:
            continue
        start = known.bare.match(part)
        for one in (part, part[start.end() :] if start is not None else ""):
            if (label := known.canonical(one)) is not None:
                return _Found(label)
    named: dict[str, None] = {}
    for pattern in (known.anywhere, known.short):
        for found in islice(pattern.finditer(text), _MOST) if pattern is not None else ():
            part = next((group for group in found.groups() if group), found[0])
            label = known.canonical(part)
            if label is not None and not _denied(text, found.start(), found.end()):
                named[label] = None
    if len(named) == 1:
        return _Found(next(iter(named)))
    return _Found(why=f"more than one label: {', '.join(named)}" if named else reason)


def _denied(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - _REACH) : start]
    return DENIED.search(before) is not None or DENIED_AFTER.match(text, end) is not None


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
    tags = deque((found.span() for found in pattern.finditer(said)) if pattern is not None else (), _MOST)
    end = len(said)
    for start, behind in [*reversed(tags), (0, 0)]:
        # A tag with nothing behind it is no answer.
        if answer := _paragraphs(_unwrapped(said[behind:end], sample.references), sample.references):
            return answer
        end = start
    return None


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
