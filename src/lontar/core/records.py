"""Records that travel between stages: documents, messages, chats, preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from lontar.core.config import Config, JsonObject
from lontar.errors import DataError

_FIELDS = ("id", "text", "lang", "source", "license")


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus. `lang` is a language code of ours ("th"), `license` an SPDX identifier."""

    id: str
    text: str
    lang: str
    source: str = ""
    license: str = ""
    meta: Mapping[str, JsonValue] = field(default_factory=dict)

    def row(self) -> JsonObject:
        """The document as one JSON object; `meta` keys stand beside the fixed ones."""
        fixed: JsonObject = {name: getattr(self, name) for name in _FIELDS}
        return {**{k: v for k, v in sorted(self.meta.items()) if k not in fixed}, **fixed}

    @classmethod
    def from_row(cls, row: JsonObject, where: str = "row") -> Document:
        """Read a row.

        Raises:
            DataError: `id`, `text` or `lang` is missing or not text; names `where`.
        """
        fixed: dict[str, str] = {}
        for name in _FIELDS:
            value = row.get(name, "" if name in ("source", "license") else None)
            if not isinstance(value, str):
                raise DataError(f"{where}: field {name!r} must be text (got {value!r})")
            fixed[name] = value
        return cls(**fixed, meta={k: v for k, v in row.items() if k not in fixed})


Role = Literal["system", "user", "assistant", "tool"]


class Message(Config):
    """One turn of a chat."""

    role: Role
    content: str


Messages = tuple[Message, ...]


class Chat(Config):
    """A conversation to train or evaluate on."""

    id: str
    messages: Messages
    lang: str = ""
    source: str = ""
    license: str = ""


class Preference(Config):
    """Two answers to one prompt, the first preferred."""

    id: str
    prompt: Messages
    chosen: str
    rejected: str
    lang: str = ""
    source: str = ""
    license: str = ""
