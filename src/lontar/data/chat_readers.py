"""Rows of OpenAI-style and ShareGPT files as messages, with an error for whatever could not be learned from truthfully.

A row that is taken half (an image left out, a call to a tool that nobody sees, an answer its author switched off) would
teach something its author did not write, so such rows are errors and never quietly repaired.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from lontar.core.config import JsonObject, nearest
from lontar.core.records import Message, Messages, Role
from lontar.data.readers import BadInputError

Format = Literal["openai", "sharegpt"]
LISTS = ("messages", "conversations")
_ROLE_FIELD: dict[Format, str] = {"openai": "role", "sharegpt": "from"}
_TEXT_FIELD: dict[Format, str] = {"openai": "content", "sharegpt": "value"}
ROLES: dict[Format, dict[str, Role]] = {
    "openai": {
        "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    },
    "sharegpt": {
        "system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
        "chatgpt": "assistant", "model": "assistant", "bot": "assistant", "tool": "tool", "observation": "tool",
        "function_response": "tool",
    },
}  # fmt: skip
# What a turn may carry besides its text and what must not be lost: field, why not.
_REFUSED = {
    "tool_calls": "calls of tools cannot be trained on here",
    "function_call": "calls of functions cannot be trained on here",
    "audio": "only text can be trained on",
    "images": "only text can be trained on",
    "image": "only text can be trained on",
    "refusal": "a refusal stands beside the content and would be lost",
}
_AFTER: dict[Role | None, tuple[Role, ...]] = {
    None: ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}


def detect(row: JsonObject, where: str) -> Format:
    """The format of a row, by the fields of its first turn.

    Raises:
        BadInputError: it is of neither.
    """
    name, turns = _list_of(row, where)
    first = turns[0]
    if isinstance(first, dict):
        found: list[Format] = [kind for kind, key in _ROLE_FIELD.items() if key in first]
        if len(found) == 1:
            return found[0]
    raise BadInputError(
        "unknown_format",
        f"{where}: {name}[0] has neither `role` nor `from`: {_short(first)}",
        hint='turns are {"role": ..., "content": ...} or {"from": ..., "value": ...}',
    )


def read_messages(row: JsonObject, kind: Format, where: str) -> Messages:
    """The turns of a row, checked one by one and in their order.

    Raises:
        BadInputError: naming file, line, field and value, and what to do.
    """
    name, turns = _list_of(row, where)
    messages = [_message(turn, kind, f"{where}: {name}[{i}]") for i, turn in enumerate(turns)]
    if kind == "sharegpt" and (system := row.get("system")):
        messages.insert(0, Message(role="system", content=_text(system, f"{where}: system")))
    check_order(messages, f"{where}: {name}", shift=len(messages) - len(turns))
    return tuple(messages)


def _list_of(row: JsonObject, where: str) -> tuple[str, list[Any]]:
    found = [name for name in LISTS if name in row]
    if len(found) != 1:
        fields = ", ".join(sorted(row)) or "none"
        raise BadInputError(
            "missing_field",
            f"{where}: {'both' if found else 'neither'} `messages` {'and' if found else 'nor'} `conversations`",
            hint=f"its fields: {fields}; a chat is a list of turns under one of the two names",
        )
    turns = row[found[0]]
    if not isinstance(turns, list) or not turns:
        raise BadInputError(
            "not_turns", f"{where}: {found[0]} must be a list of turns (got {_short(turns)})", hint="leave the row out"
        )
    return found[0], turns


def _message(turn: Any, kind: Format, place: str) -> Message:
    if not isinstance(turn, dict):
        raise BadInputError("not_turns", f"{place}: must be an object (got {_short(turn)})", hint=_example(kind))
    _refuse_extras(turn, place)
    role_field, text_field = _ROLE_FIELD[kind], _TEXT_FIELD[kind]
    for field in (role_field, text_field):
        if field not in turn:
            fields = ", ".join(map(str, sorted(turn))) or "none"
            raise BadInputError(
                "missing_field", f"{place}: no field {field!r} (its fields: {fields})", hint=_example(kind)
            )
    return Message(
        role=_role(turn[role_field], kind, f"{place}.{role_field}"),
        content=_text(turn[text_field], f"{place}.{text_field}"),
    )


def _example(kind: Format) -> str:
    return f'{kind} turns are {{"{_ROLE_FIELD[kind]}": ..., "{_TEXT_FIELD[kind]}": ...}}; set format for another kind'


def _refuse_extras(turn: Mapping[str, Any], place: str) -> None:
    for field, why in _REFUSED.items():
        if turn.get(field):
            raise BadInputError(field, f"{place}.{field}: {why} ({_short(turn[field])})", hint="leave the row out")
    if turn.get("weight") == 0:
        raise BadInputError(
            "weight",
            f"{place}.weight: 0 asks for no training on this answer, and here every answer is trained on",
            hint="cut the chat before it, or leave the row out",
        )


def _role(value: Any, kind: Format, place: str) -> Role:
    roles = ROLES[kind]
    if isinstance(value, str) and value in roles:
        return roles[value]
    if value in ("function_call", "function"):
        raise BadInputError("tool_calls", f"{place}: {value!r}: {_REFUSED['function_call']}", hint="leave the row out")
    close = nearest(value, roles) if isinstance(value, str) else None
    raise BadInputError("unknown_role", f"{place}: {_short(value)} is not a role", hint=close or _roles(kind))


def _roles(kind: Format) -> str:
    return f"one of {', '.join(ROLES[kind])}"


def _text(value: Any, place: str) -> str:
    """Text, or the text of a list of parts.

    Raises:
        BadInputError: it is something else, or nothing is left of it.
    """
    if isinstance(value, list):
        value = "".join(_part(part, f"{place}[{i}]") for i, part in enumerate(value))
    if not isinstance(value, str):
        raise BadInputError("not_text", f"{place}: must be text (got {_short(value)})", hint="leave the row out")
    if not value.strip():
        raise BadInputError("empty_content", f"{place}: is empty", hint="leave the row out, or cut the chat before it")
    return value


def _part(part: Any, place: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get("text") if isinstance(part, dict) else None
    if kind == "text" and isinstance(text, str):
        return text
    what = f"a part of type {kind!r}" if isinstance(kind, str) else _short(part)
    raise BadInputError(
        "not_text", f"{place}: {what} is not text", hint='only parts {"type": "text", "text": ...} can be trained on'
    )


def check_order(messages: list[Message], place: str, shift: int = 0) -> None:
    """System first if at all, then questions and answers in turn, results of tools between answers, an answer last.

    Raises:
        BadInputError: naming the turn that is out of order, counted without the first `shift`.
    """
    before: Role | None = None
    for i, message in enumerate(messages):
        if message.role not in _AFTER[before]:
            after = f"after {before}" if before else "at the beginning"
            raise BadInputError(
                "turn_order",
                f"{place}[{i - shift}]: {message.role} {after}",
                hint=f"{after} comes {' or '.join(_AFTER[before])}; join turns of one speaker, or leave the row out",
            )
        before = message.role
    if before != "assistant":
        raise BadInputError(
            "no_answer",
            f"{place}[{len(messages) - 1 - shift}]: the last turn is {before}, and nothing answers it",
            hint="cut the chat after its last answer",
        )


def _short(value: Any, most: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[:most]}…"
