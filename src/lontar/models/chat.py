"""Messages to text and to token ids, with the model's own chat template.

What a person writes must never become a control token: a message that says `<|im_end|>` would end itself and speak as
someone else. Before rendering, every control token's text inside a message is broken by an invisible sentinel after
its first character. After rendering, control tokens that are still whole are the template's own; the rest is encoded
piece by piece between the sentinels, as plain text. The template sees the true words otherwise, so trimming and
conditions on content work as its author meant.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.core.records import Messages
from lontar.errors import CapabilityError, DataError
from lontar.models.files import read_chat_template, read_json
from lontar.text import normalize

# Unicode noncharacters: never part of a text, never touched by a template.
_SENTINELS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
_SPECIAL_NAMES = ("bos_token", "eos_token", "unk_token", "pad_token")


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template and the tokens it may speak with."""

    source: str
    tokenizer: Any
    special: Mapping[str, str] = field(default_factory=dict)
    """`bos_token` and so on, as the template names them"""

    @functools.cached_property
    def control(self) -> frozenset[str]:
        """Texts that only the template may turn into one token: special tokens, and added ones that it mentions.

        Space is none of them: some tokenizers (Gemma's) have added tokens for line ends, and people write those too.
        """
        added = self.tokenizer.get_added_tokens_decoder().values()
        return frozenset(t.content for t in added if t.special or (t.content in self.source and t.content.strip()))

    @functools.cached_property
    def control_ids(self) -> frozenset[int]:
        """The ids of `control`."""
        return frozenset(self.tokenizer.token_to_id(text) for text in self.control)

    @functools.cached_property
    def strictly_special(self) -> frozenset[str]:
        """Those that not even a model's own earlier answer may contain as a token."""
        return frozenset(t.content for t in self.tokenizer.get_added_tokens_decoder().values() if t.special)


@dataclass(frozen=True)
class Encoded:
    """Token ids of a conversation; `answer` marks those that the assistant wrote."""

    ids: tuple[int, ...]
    answer: tuple[bool, ...]


class RewrittenError(DataError):
    """A template shows an earlier answer in another way than it was given, as those do that drop its thoughts."""


def open_chat(folder: Path, tokenizer: Any) -> ChatTemplate:
    """The chat template of a model folder.

    Raises:
        CapabilityError: it has none.
    """
    source = read_chat_template(folder)
    if source is None:
        raise CapabilityError(
            f"{folder}: the model has no chat template",
            hint="it is a base model: use plain completion, or add a chat_template.jinja to the folder",
        )
    return ChatTemplate(source, tokenizer, read_special_tokens(folder))


def read_special_tokens(folder: Path) -> dict[str, str]:
    """`bos_token`, `eos_token` ... from tokenizer_config.json."""
    path = folder / "tokenizer_config.json"
    config = read_json(path) if path.is_file() else {}
    found = {}
    for name in _SPECIAL_NAMES:
        value = config.get(name)
        value = value.get("content") if isinstance(value, dict) else value
        if isinstance(value, str):
            found[name] = value
    return found


def render(
    chat: ChatTemplate,
    messages: Messages,
    *,
    add_generation_prompt: bool = True,
    now: datetime | None = None,
    **variables: Any,
) -> str:
    """The conversation as text. Ids come from `encode`: this text alone no longer tells who said what.

    Raises:
        DataError: the template refuses the messages, or fails on them.
    """
    sentinel = _free_sentinel(chat, messages)
    text = _render(chat, messages, sentinel, add_generation_prompt, now, variables)
    return text.replace(sentinel, "")


def encode(
    chat: ChatTemplate,
    messages: Messages,
    *,
    add_generation_prompt: bool = True,
    now: datetime | None = None,
    **variables: Any,
) -> tuple[int, ...]:
    """Token ids of the conversation, ready for an answer.

    Raises:
        DataError: the template refuses the messages, or fails on them.
    """
    sentinel = _free_sentinel(chat, messages)
    return _ids(chat, _render(chat, messages, sentinel, add_generation_prompt, now, variables), sentinel)


def normalized(messages: Messages, normalization: Sequence[str]) -> Messages:
    """Messages as a model with these normalizers reads them."""
    return tuple(m.model_copy(update={"content": normalize(m.content, normalization)}) for m in messages)


def encode_answers(
    chat: ChatTemplate,
    messages: Messages,
    *,
    last_only: bool = False,
    now: datetime | None = None,
    **variables: Any,
) -> Encoded:
    """Ids of a finished conversation and which of them are answers, end token included.

    An answer is what rendering adds to the prompt that asks for it, so training sees the ids that generation would.
    With `last_only`, the answers before the last one are part of its prompt.

    Raises:
        RewrittenError: the template rewrites earlier turns, so that no such prompt exists in the whole.
        DataError: the template refuses the messages, or fails on them.
    """
    sentinel = _free_sentinel(chat, messages)
    answers = [i for i, message in enumerate(messages) if message.role == "assistant"]

    def rendered(n: int, prompt: bool) -> str:
        return _render(chat, messages[:n], sentinel, prompt, now, variables)

    whole, at = rendered(len(messages), False), 0
    ids, answer = list[int](), list[bool]()
    for i in answers[-1:] if last_only else answers:
        before, after = rendered(i, True), rendered(i + 1, False)
        if not (after.startswith(before) and whole.startswith(after) and len(before) >= at):
            raise RewrittenError(
                f"message {i}: the chat template renders this answer differently later in the conversation",
                hint="train on one answer at a time: cut the conversation after it",
            )
        for text, is_answer in ((whole[at : len(before)], False), (whole[len(before) : len(after)], True)):
            found = _ids(chat, text, sentinel)
            ids += found
            answer += [is_answer] * len(found)
        at = len(after)
    rest = _ids(chat, whole[at:], sentinel)
    return Encoded((*ids, *rest), (*answer, *[False] * len(rest)))


# --- rendering -------------------------------------------------------------------------------------------------------


def _free_sentinel(chat: ChatTemplate, messages: Messages) -> str:
    text = chat.source + "".join(m.content for m in messages)
    for sentinel in _SENTINELS:
        if sentinel not in text:
            return sentinel
    raise DataError("the messages contain every noncharacter from U+FDD0 to U+FDEF: that is not text")


def _render(
    chat: ChatTemplate,
    messages: Messages,
    sentinel: str,
    add_generation_prompt: bool,
    now: datetime | None,
    variables: Mapping[str, Any],
) -> str:
    safe = []
    for message in messages:
        control = chat.strictly_special if message.role == "assistant" else chat.control
        safe.append({"role": message.role, "content": _break(message.content, control, sentinel)})
    jinja2 = need("jinja2", extra="train")
    try:
        given = {**chat.special, "strftime_now": (now or datetime.now()).strftime, **variables}
        text: str = _compile(chat.source).render(messages=safe, add_generation_prompt=add_generation_prompt, **given)
    except jinja2.TemplateError as err:
        raise DataError(f"the chat template cannot render these messages: {err.message}") from err
    except (TypeError, ValueError, KeyError, AttributeError) as err:
        raise DataError(f"the chat template fails on these messages: {err}") from err
    return text


def _break(text: str, control: frozenset[str], sentinel: str) -> str:
    """Put the sentinel after the first character of every control token's text."""
    pattern = _pattern(control)
    parts, begin = [], 0
    while pattern is not None and (match := pattern.search(text, begin)):
        parts.append(text[begin : match.start() + 1])
        begin = match.start() + 1
    return sentinel.join([*parts, text[begin:]])


@functools.lru_cache(maxsize=64)
def _pattern(control: frozenset[str]) -> re.Pattern[str] | None:
    longest_first = sorted(control, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if control else None


def _ids(chat: ChatTemplate, text: str, sentinel: str) -> tuple[int, ...]:
    """Control tokens by their id, everything between them as plain text."""
    ids: list[int] = []
    begin = 0
    pattern = _pattern(chat.control)
    for match in pattern.finditer(text) if pattern else ():
        ids += _plain(chat, text[begin : match.start()], sentinel)
        ids.append(chat.tokenizer.token_to_id(match[0]))
        begin = match.end()
    return (*ids, *_plain(chat, text[begin:], sentinel))


def _plain(chat: ChatTemplate, text: str, sentinel: str) -> list[int]:
    parts = [part for part in text.split(sentinel) if part]
    return [i for part in parts for i in chat.tokenizer.encode(part, add_special_tokens=False).ids]


@functools.lru_cache(maxsize=16)
def _compile(source: str) -> Any:
    """The template in Jinja's sandbox, with what templates on the hub expect to find there."""
    sandbox = need("jinja2.sandbox", extra="train")
    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _generation_block()]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(source)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: Sequence[str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers has it: Jinja's own filter escapes HTML characters, which no model was trained on."""
    marks = (separators[0], separators[1]) if separators else None
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=marks, sort_keys=sort_keys)


def _refuse(message: str) -> None:
    raise need("jinja2", extra="train").TemplateError(message)


@functools.cache
def _generation_block() -> type:
    """`{% generation %}...{% endgeneration %}`: marks answers in some templates; here it only shows its content."""
    jinja2 = need("jinja2", extra="train")
    extension = need("jinja2.ext", extra="train").Extension

    class Generation(extension):  # type: ignore[misc, valid-type]
        tags = frozenset({"generation"})

        def parse(self, parser: Any) -> Any:
            """The block's content in place of the block."""
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body, lineno=line)

    return Generation
