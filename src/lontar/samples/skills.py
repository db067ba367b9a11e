"""Micro-tasks that a model of a few million parameters can honestly learn, with answers a program can check.

Each file holds the words and the ways of asking in one language. Values are split by hash: a number, a date, a pair of
words that stands in held-out questions never stands in training ones, so a right answer cannot be a memory.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from lontar import samples
from lontar.core.artifact import Split
from lontar.core.config import Config, JsonObject, JsonValue, load_yaml, nearest, validate
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.errors import UnknownNameError
from lontar.samples.template import reserved, sentence_case

VERSION = 1
HELD_OUT = 5
# Words that are asked for in other languages: eight in thirteen languages are 1,248 ways from one to another, as much
# as a model of two million parameters may learn in two minutes.
TRANSLATED = 8
Ways = Annotated[tuple[str, ...], Field(min_length=2)]


class Weekday(Config):
    """Ways of asking for the day before, after, and two days after {day}."""

    yesterday: Annotated[Ways, Field(min_length=5)]
    tomorrow: Annotated[Ways, Field(min_length=5)]
    after_tomorrow: Annotated[Ways, Field(min_length=5)]


class Sentiment(Config):
    """Simple sentences that praise or complain: {thing} and {quality} in {templates}."""

    positive: str
    """the answer word for praise"""
    negative: str
    ask: Ways
    """ways of asking, with {text}"""
    templates: Ways
    things: Annotated[tuple[str, ...], Field(min_length=12)]
    good: Annotated[tuple[str, ...], Field(min_length=12)]
    bad: Annotated[tuple[str, ...], Field(min_length=12)]


class Asking(Config):
    """Ways of asking the tasks that need no more than that."""

    digits: Ways
    """with {number}, in European digits"""
    date: Ways
    """with {date}, as 2031-04-17"""
    copy_: Annotated[Ways, Field(alias="copy")]
    """with {text}"""
    in_language: Ways
    """with {word} and {language}: the word in another language"""


class Skills(Config):
    """The file of a language."""

    lang: str
    digits: Annotated[tuple[str, ...], Field(min_length=10, max_length=10)]
    """0 to 9 as they are written when a number is spelled out digit by digit: native digits or words"""
    digit_joiner: str = " "
    weekdays: Annotated[tuple[str, ...], Field(min_length=7, max_length=7)]
    """from Monday"""
    months: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]
    date: str
    """how a date is written out, with {d}, {month} and {y}"""
    words: Annotated[tuple[str, ...], Field(min_length=40, max_length=40)]
    """forty things, the same in every language, in the same order"""
    word_joiner: str = " "
    language_names: dict[str, str]
    """what the languages are called in this one"""
    ask: Asking
    weekday: Weekday
    sentiment: Sentiment


@lru_cache(maxsize=32)
def load(lang: str) -> Skills:
    """The file of a language.

    Raises:
        ConfigError: it is wrong; DataError: there is none.
    """
    parsed = load_yaml(samples.path("skills") / f"{lang}.yaml")
    return validate(Skills, parsed.value, parsed)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer, what it hangs on, and what could be answered."""

    ask: str
    answer: str
    values: tuple[str, ...]
    choices: tuple[str, ...] = ()


def _digits(skills: Skills, rng: random.Random) -> Question:
    number = str(rng.randrange(100, 10_000))
    answer = skills.digit_joiner.join(skills.digits[int(digit)] for digit in number)
    return Question(rng.choice(skills.ask.digits).format(number=number), answer, (number,))


def _date(skills: Skills, rng: random.Random) -> Question:
    year, month, day = rng.randrange(1950, 2050), rng.randrange(12), rng.randrange(1, 29)
    iso = f"{year}-{month + 1:02d}-{day:02d}"
    answer = skills.date.format(d=day, month=skills.months[month], y=year)
    return Question(rng.choice(skills.ask.date).format(date=iso), answer, (iso,))


def _copy(skills: Skills, rng: random.Random) -> Question:
    words = rng.sample(skills.words, 3)
    text = skills.word_joiner.join(words)
    return Question(rng.choice(skills.ask.copy_).format(text=text), text, tuple(words))


def _weekday(skills: Skills, rng: random.Random) -> Question:
    name, step = rng.choice((("yesterday", -1), ("tomorrow", 1), ("after_tomorrow", 2)))
    day = rng.randrange(7)
    way = rng.choice(getattr(skills.weekday, name))
    answer = skills.weekdays[(day + step) % 7]
    return Question(way.format(day=skills.weekdays[day]), answer, (str(day), way), skills.weekdays)


def _in_language(skills: Skills, rng: random.Random) -> Question:
    other, index = rng.choice(_ways(skills.lang))
    name = skills.language_names[other]
    ask = rng.choice(skills.ask.in_language).format(word=skills.words[index], language=name)
    # The word itself may be asked for in another language: what is held out is to go from this one to that one.
    return Question(ask, load(other).words[index], (skills.lang, other, str(index)))


def _sentiment(skills: Skills, rng: random.Random) -> Question:
    words = skills.sentiment
    positive = rng.random() < 0.5
    thing, quality = rng.choice(words.things), rng.choice(words.good if positive else words.bad)
    text = rng.choice(words.templates).format(thing=thing, quality=quality)
    answer = words.positive if positive else words.negative
    ask = sentence_case(rng.choice(words.ask).format(text=text))
    return Question(ask, answer, (thing, quality), (words.positive, words.negative))


_MAKERS: dict[str, Callable[[Skills, random.Random], Question]] = {
    "copy": _copy,
    "date": _date,
    "digits": _digits,
    "in_language": _in_language,
    "sentiment": _sentiment,
    "weekday": _weekday,
}
SKILLS: tuple[str, ...] = tuple(_MAKERS)


def known(name: str) -> str:
    """The name of a skill.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in _MAKERS:
        raise UnknownNameError(f"unknown skill {name!r}", hint=nearest(name, SKILLS))
    return name


def digest(lang: str) -> str:
    """Hash of everything that decides the questions of a language."""
    files = {code: load(code).model_dump(mode="json") for code in (lang, *_others(lang))}
    return sha256_bytes(canonical_json({"version": VERSION, "files": files}))


@lru_cache(maxsize=32)
def _ways(lang: str) -> list[tuple[str, int]]:
    """Language and word to ask for; not where the two languages have the same word: copying would pass for knowing."""
    words = load(lang).words
    return [(o, i) for o in _others(lang) for i in range(TRANSLATED) if load(o).words[i] != words[i]]


@lru_cache(maxsize=32)
def _others(lang: str) -> list[str]:
    """Languages to translate into: those that this one has a name for and that have a file."""
    return sorted((load(lang).language_names.keys() & set(samples.languages("skills"))) - {lang})


def generate(lang: str, skill: str, count: int, split: Split, seed: int = 1) -> Iterator[JsonObject]:
    """`count` different questions of one split, as chats of two turns; fewer when there are no more.

    Raises:
        UnknownNameError: there is no such skill.
    """
    known(skill)
    skills = load(lang)
    rng = random.Random(f"skills\0{lang}\0{skill}\0{split}\0{seed}")
    seen, misses, answers = set[str](), 0, Counter[str]()
    while len(seen) < count and misses < 200 + 20 * count:
        question = _MAKERS[skill](skills, rng)
        # Of two answers each comes as often, so that always giving one of them is worth a half and no more.
        enough = len(question.choices) == 2 and answers[question.answer] >= (count + 1) // 2
        if enough or question.ask in seen or reserved([skill, *question.values], HELD_OUT) != (split == "heldout"):
            misses += 1
            continue
        seen.add(question.ask)
        answers[question.answer] += 1
        yield _row(lang, skill, split, len(seen), question)


def _row(lang: str, skill: str, split: Split, number: int, question: Question) -> JsonObject:
    messages: list[JsonValue] = [
        {"role": "user", "content": question.ask},
        {"role": "assistant", "content": question.answer},
    ]
    choices: list[JsonValue] = list(question.choices)
    return {
        "id": f"{lang}-{skill}-{split}-{number:05d}",
        "split": split,
        "lang": lang,
        "source": "lontar-skills",
        "license": "CC0-1.0",
        "synthetic": True,
        "skill": skill,
        "group": " ".join(question.values),
        "messages": messages,
        "answer": question.answer,
        "choices": choices,
    }
