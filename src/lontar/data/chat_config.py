"""Settings of `data.chats`; languages, licenses and skills are checked here, so that mistakes show before it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from lontar.core.config import Config
from lontar.data.config import Heldout, LanguageCode, Spdx
from lontar.errors import UnknownNameError
from lontar.samples import skills

Format = Literal["auto", "openai", "sharegpt"]
_OF_JSONL = ("format", "lang", "license", "source", "limit")
_OF_SYNTHETIC = ("skills", "count", "heldout")


def _known_skill(name: str) -> str:
    try:
        return skills.known(name)
    except UnknownNameError as err:
        raise PydanticCustomError("skill", "{text}", {"text": f"{err.message} ({err.hint})"}) from err


def _some(sources: tuple[ChatSource, ...]) -> tuple[ChatSource, ...]:
    if not sources:
        raise PydanticCustomError("sources", "there must be at least one source")
    return sources


class ChatSource(Config):
    """Where chats come from: exactly one of `jsonl` and `synthetic`."""

    jsonl: str | None = None
    """JSON-lines files: a path or a pattern such as `chats/**/*.jsonl`, relative to the working folder;
    `.zst` and `.gz` are unpacked on the way"""
    synthetic: Literal["skills"] | None = None
    """chats that are made here: `skills`, small tasks whose answers a program can check"""
    format: Format = "auto"
    """`openai`: turns of role and content; `sharegpt`: turns of from and value; `auto`: by each file's first row"""
    lang: LanguageCode | None = None
    """language of every chat, whatever the rows say; needed when they do not say it"""
    langs: tuple[LanguageCode, ...] | None = None
    """take or make only chats of these languages"""
    license: Spdx | None = None
    """SPDX identifier for rows without a `license` field"""
    source: str | None = None
    """name of the source for rows without a `source` field; the file name otherwise"""
    limit: int | None = Field(default=None, ge=1)
    """read at most so many chats of each language, in order; the rest is neither read nor counted"""
    skills: tuple[Annotated[str, AfterValidator(_known_skill)], ...] = ()
    """which skills to make; all of them when empty"""
    count: int = Field(default=100, ge=0)
    """chats to make for training, per language and skill"""
    heldout: int = Field(default=20, ge=0)
    """chats to make for the held-out side, per language and skill; their values never stand in training"""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("jsonl", "synthetic") if getattr(self, name) is not None]
        if len(given) != 1:
            text = "give exactly one of jsonl, synthetic" + (f" (given: {', '.join(given)})" if given else "")
            raise PydanticCustomError("source", "{text}", {"text": text})
        foreign = _OF_SYNTHETIC if self.jsonl is not None else _OF_JSONL
        # Compared with the defaults, so that a config which was spelled out in full stays valid.
        fields = type(self).model_fields
        if wrong := [name for name in foreign if getattr(self, name) != fields[name].default]:
            text = f"`{wrong[0]}` does not go with `{given[0]}`"
            raise PydanticCustomError("source", "{text}", {"text": text})
        return self


class ChatsConfig(Config):
    """Settings of `data.chats`."""

    sources: Annotated[tuple[ChatSource, ...], AfterValidator(_some)]
    """where the chats come from, in order: of two equal chats the first stays"""
    normalize: Literal["language", "none"] = "language"
    """`language`: each message by the normalizations of the chat's language; `none` for chats about code"""
    duplicates: Literal["drop", "keep"] = "drop"
    """chats whose every turn is equal, across languages and splits"""
    heldout: Heldout = Heldout()
    unknown_language: Literal["drop", "stop"] = "drop"
    """chats in a language without a language file"""
    on_error: Literal["stop", "skip"] = "stop"
    """rows that are no chat to learn from: stop at the first, or count them and go on"""
    max_errors: int = Field(default=100, ge=0)
    """with `on_error: skip`: stop when there are more than so many"""
