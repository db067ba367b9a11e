"""Extraction rules for answers that follow an answer tag; robust where the official rules are not.

Thinking is left out, the last answer counts, and neither brackets, quotes, markdown, HTML, native digits and colons,
full-width letters, NFD nor zero-width characters hide a label. A label is a whole word: `Apel` does not begin with the
label A. Where nothing, a denied label, or more than one could be meant there is no answer, and `why` says which.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from lontar.languages import Language
from lontar.scoring.label_words import (
    AROUND,
    DENIED,
    DENIED_AFTER,
    EDGES,
    ELEMENT,
    EVERYDAY,
    SEPARATED,
    before_label,
    label_alone,
    label_end,
    label_start,
    spaced,
    standalone,
)
from lontar.scoring.registries import extractor
from lontar.scoring.results import Sample
from lontar.text import ascii_digits

# Invisible, and without meaning between letters: zero-width space, word joiner, byte order mark, soft hyphen, NUL, and
# what turns the direction of writing.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\x00\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_OPEN = re.compile(r"<(?:seed:)?(?:think|thinking|thought|reasoning)>|\[THINK\]|◁think▷", re.IGNORECASE)
_FINAL = "<|channel|>final<|message|>"
_CLOSE = re.compile(r"</(?:seed:)?(?:think|thinking|thought|reasoning)>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s{0,9}\{(?:\\text\s{0,9}\{)?([^{}]{0,200})\}")
# Marks that no letter has: composing them takes time that grows with their square.
_HEAP = re.compile(r"[^\w\s\x00-\x7f]{33,}")
# SARA AM of Thai and Lao in two characters, which canonically differ from the one; a tone mark may be between them.
_AM = (
    (re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32"), "\\1\u0e33"),
    (re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2"), "\\1\u0eb3"),
)
_GAP = re.compile(r"\n(?:[^\S\n]*+\n)++")
_NOTHING, _SEVERAL = "no label after the answer tag", "more than one label after the answer tag"
_TAKEN_BACK = "a label that is denied"
_LONGEST = 200
"""characters of a line that may be nothing but a label"""
_MOST = 1000
"""tags, and labels without one, that are looked at; who repeats them more often says nothing new"""
_REACH = 24
"""characters before a label in which a word may deny it"""


def without_thinking(text: str) -> str | None:
    """What a model says after it has thought; None where its thinking never ended."""
    _, final, said = text.rpartition(_FINAL)
    text = said.partition("<|")[0] if final else text
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


def plain(text: str) -> str:
    """The text as labels are looked for in it: ASCII digits, no full-width letters, SARA AM in one character."""
    if text.isascii():
        return text
    wide = {ord(char): ord(char) - 0xFEE0 for char in set(text) if "\uff01" <= char <= "\uff5e"}
    text = text.translate(wide) if wide else text
    return digits(composed(_one_am(text)))


def _one_am(text: str) -> str:
    for two, one in _AM:
        text = two.sub(one, text)
    return text


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
        return self.by_form.get(form(text)) or self.by_form.get(form(text.strip(EDGES)))


def form(text: str) -> str:
    """The form in which labels are compared."""
    return " ".join(plain(composed(_INVISIBLE.sub("", text))).casefold().split())


def _forms(labels: Sequence[str]) -> dict[str, str]:
    """Labels by their form, or by what is inside of their brackets where that is no other label's."""
    whole = {form(label): label for label in labels if form(label)}
    inside = {name: name.strip(AROUND).rstrip(AROUND + ".:") for name in whole}
    often = Counter(inside.values())
    return {inside[name] if inside[name] and often[inside[name]] == 1 else name: label for name, label in whole.items()}


@lru_cache(maxsize=512)
def _compiled(tag: str, labels: tuple[str, ...]) -> _Labels:
    tag, by_form = plain(composed(tag)), _forms(labels)
    names = sorted(by_form, key=lambda name: (-len(name), name))
    long = [name for name in names if len(name) > 1]
    named = [name for name in long if name not in EVERYDAY]
    first = "|".join(f"{spaced(name)}{label_end(name, long)}" for name in names) or r"(?!)"
    second = "|".join(f"{spaced(name)}{label_end(name, long)}{label_alone(name)}" for name in names) or r"(?!)"
    anywhere = "|".join(rf"{label_start(name)}{spaced(name)}{label_end(name, long)}" for name in named)
    return _Labels(
        by_form | {form(label): label for label in by_form.values()},
        tag_pattern(tag),
        re.compile(rf"{before_label(names)}({first})(?:{SEPARATED}({second}))?", re.IGNORECASE),
        re.compile(anywhere, re.IGNORECASE) if named else None,
        standalone([name for name in names if name not in named]),
        _bare(tag),
    )


def tag_pattern(tag: str) -> re.Pattern[str] | None:
    """An answer tag, literally, with markdown and space around its colon and with any colon; None for none."""
    whole = unicodedata.normalize("NFC", tag).strip()
    words = whole.rstrip(":：៖-–— ").split()
    if not words:
        return None
    dash = "" if whole.endswith((":", "：", "៖")) else r"\-–—"
    colon = rf"[\s*_`]{{0,9}}[:：៖{dash}]" + ("" if whole.endswith((*":：៖-–—",)) else "?")
    return re.compile(r"[\s*_]{1,9}".join(map(_either_am, words)) + colon, re.IGNORECASE)


def _either_am(word: str) -> str:
    """A word with its SARA AM in one character or two."""
    one = re.escape(_one_am(word))
    for am, sign, end in (("\u0e33", "\u0e4d", "\u0e32"), ("\u0eb3", "\u0ecd", "\u0eb2")):
        one = re.sub(f"([\u0e48-\u0e4b\u0ec8-\u0ecb]?){am}", rf"(?:\1{sign}{end}|\1{am}|{sign}\1{end})", one)
    return one


def _bare(tag: str) -> re.Pattern[str]:
    """The words of an answer tag, or the English one, at the beginning of a line and without their colon."""
    words = unicodedata.normalize("NFC", tag).strip(EDGES).split()
    one = r"answer|the\s+answer\s+is" + (f"|{spaced(' '.join(words))}" if words else "")
    return re.compile(rf"[\s*_#>]{{0,9}}(?:{one})(?![^\W\d_])[\s*_`:：៖\-–—]{{0,20}}", re.IGNORECASE)


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
    shown, rejected = plain(said), dict[str, None]()
    tags = deque(known.tag.finditer(shown) if known.tag is not None else (), _MOST)
    reason = _NOTHING if tags else "no answer tag, and the answer is no label"
    for tag in reversed(tags):
        found = known.tagged.match(shown, tag.end())
        if found is None or (found[2] is None and DENIED_AFTER.match(shown, found.end())):
            # An earlier answer stands where this one does not take it back.
            named, denied = _named(shown[tag.end() : tag.end() + _LONGEST].lstrip().partition("\n")[0], known)
            if denied and len(instead := [*(named.keys() - rejected.keys() - denied.keys())]) == 1:
                return _Found(instead[0])
            rejected |= denied
            continue
        first, second = known.canonical(found[1]), known.canonical(found[2]) if found[2] else None
        if second is not None and second != first:
            return _Found(why=f"{_SEVERAL}: {first}, {second}")
        if first is not None:
            return _Found(why=f"{_TAKEN_BACK}: {first}") if first in rejected else _Found(first)
    return _untagged(shown, known, rejected, reason)


def _untagged(text: str, known: _Labels, rejected: dict[str, None], reason: str) -> _Found:
    """The answer is a label as a whole, or in its box, its last or its first line, or names just one."""
    boxed = _BOXED.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    for part in (text, *boxed[-1:], *lines[-1:], *lines[:1]):
        if len(part) > _LONGEST:
            continue
        start = known.bare.match(part)
        for one in (part, part[start.end() :] if start is not None else ""):
            label = known.canonical(one) or known.canonical(ELEMENT.sub("", one))
            if label is not None and label not in rejected:
                return _Found(label)
    named, denied = _named(text, known)
    left = [label for label in named if label not in rejected]
    if len(left) == 1:
        return _Found(left[0])
    if left:
        return _Found(why=f"more than one label: {', '.join(left)}")
    denied = rejected | denied
    return _Found(why=f"{_TAKEN_BACK}: {', '.join(denied)}" if denied else reason)


def _named(text: str, known: _Labels) -> tuple[dict[str, None], dict[str, None]]:
    """The labels that a text names, and those that it denies."""
    named: dict[str, None] = {}
    denied: dict[str, None] = {}
    for pattern in (known.anywhere, known.short):
        for found in islice(pattern.finditer(text), _MOST) if pattern is not None else ():
            part = next((group for group in found.groups() if group), found[0])
            if (label := known.canonical(part)) is not None:
                (denied if _denied(text, found.start(), found.end()) else named)[label] = None
    return named, denied


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
        body = said[behind:end] if behind else _without_preamble(said[:end], sample.references)
        # Emphasis that began before the tag ends in the answer.
        line = said[max(0, start - _LONGEST) : start].rpartition("\n")[2] + said[start:behind]
        body = body.replace("**", "", 1) if line.count("**") % 2 else body
        if answer := _paragraphs(_unwrapped(body, sample.references), sample.references):
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


def _without_preamble(text: str, references: Iterable[str]) -> str:
    """A text without a first line that only announces it, "Here it is:", unless a reference begins with one too."""
    first, *rest = _GAP.split(text.strip(), maxsplit=1)
    announces = len(first) <= _LONGEST and "\n" not in first and _announces(first) and "".join(rest).strip()
    return rest[0] if announces and not any(_announces(_GAP.split(one.strip())[0]) for one in references) else text


def _announces(line: str) -> bool:
    return line.rstrip(" *_").endswith((":", "：", "៖"))


def _paragraphs(text: str, references: Iterable[str]) -> str:
    most = max((len(_GAP.split(reference.strip())) for reference in references), default=0)
    # A remark of the model's after an empty line is no part of its answer.
    return "\n\n".join(_GAP.split(text)[:most]).strip() if most else text


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
    pattern = spaced(unicodedata.normalize("NFC", str(sample.facts.get("answer_tag") or "")))
    tags = deque(re.finditer(pattern, said, re.IGNORECASE) if pattern else (), 1)
    return said[tags[0].end() if tags else 0 :].partition("</")[0].strip() or None


def why(text: str, sample: Sample) -> str:
    """Why an extraction rule finds no answer in a text, as far as it can be told; empty otherwise."""
    if sample.facts.get("labels"):
        return find_label(text, sample).why
    said = without_thinking(text)
    return "the thinking never ended" if said is None else "" if said.strip() else "empty answer"
