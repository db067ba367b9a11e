"""Small synthetic stories and dialogues from templates and lexicons of our own, one file per language.

A model of a few million parameters memorises sixty paragraphs; drawn from templates it meets enough varied text to
learn. What it has learned shows on combinations it has not seen: every scene names two slots whose pair decides, by
hash, whether the story is held out, so no held-out pair ever stands in a training story of that scene.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from lontar import samples
from lontar.core.config import Config, JsonObject, load_yaml, validate
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.samples.template import Draw, Lexicon, plain, problems, reserved, sentence_case, slots

VERSION = 1
# One pair in eight: with a dozen words a slot that is about 18 pairs a scene, enough to measure on.
HELD_OUT = 8


class Scene(Config):
    """A story's course: one of the alternatives of each line, in order."""

    key: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    """two slots, such as [person, food]; their pair decides what is held out"""
    lines: Annotated[tuple[tuple[str, ...], ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if any(not alternatives for alternatives in self.lines):
            raise PydanticCustomError("lines", "every line needs an alternative")
        used = {kind + number for line in self.lines for text in line for kind, number, _ in slots(text)}
        if missing := [name for name in self.key if name not in used]:
            raise PydanticCustomError("key", "no line uses {slot}", {"slot": missing[0]})
        return self


class Stories(Config):
    """The file of a language."""

    lang: str
    joiner: str = " "
    """what stands between two lines"""
    lexicon: dict[str, tuple[str | dict[str, str], ...]]
    scenes: dict[str, Scene]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        lexicon: Lexicon = self.lexicon
        texts = [text for scene in self.scenes.values() for line in scene.lines for text in line]
        if found := [problem for text in texts for problem in problems(text, lexicon)]:
            raise PydanticCustomError("scenes", "{text}", {"text": "; ".join(found)})
        return self


@lru_cache(maxsize=32)
def load(lang: str) -> Stories:
    """The templates of a language.

    Raises:
        ConfigError: its file is wrong; DataError: it has none.
    """
    parsed = load_yaml(samples.path("stories") / f"{lang}.yaml")
    return validate(Stories, parsed.value, parsed)


def digest(lang: str) -> str:
    """Hash of everything that decides the stories of a language."""
    return sha256_bytes(canonical_json({"version": VERSION, "stories": load(lang).model_dump(mode="json")}))


def generate(lang: str, count: int, seed: int = 1) -> Iterator[JsonObject]:
    """`count` different stories of a language, scenes in turn; about one in eight is held out.

    Fewer come when the templates give no more different ones.
    """
    stories = load(lang)
    rng = random.Random(f"stories\0{lang}\0{seed}")
    names, seen, misses = list(stories.scenes), set[str](), 0
    while len(seen) < count and misses < 100 * len(names):
        name = names[(len(seen) + misses) % len(names)]
        text, held_out = _story(stories, name, rng)
        if text in seen:
            misses += 1
            continue
        seen.add(text)
        yield {
            "id": f"{lang}-story-{len(seen):05d}",
            "split": "heldout" if held_out else "train",
            "lang": lang,
            "source": "lontar-stories",
            "license": "CC0-1.0",
            "scene": name,
            "synthetic": True,
            "text": text,
        }


def _story(stories: Stories, name: str, rng: random.Random) -> tuple[str, bool]:
    scene = stories.scenes[name]
    draw = Draw(stories.lexicon, rng)
    text = stories.joiner.join(sentence_case(draw.fill(rng.choice(line))) for line in scene.lines)
    pair = [
        plain(draw.word(slot.rstrip("0123456789"), slot.lstrip("abcdefghijklmnopqrstuvwxyz_"))) for slot in scene.key
    ]
    return text, reserved([stories.lang, name, *pair], HELD_OUT)
