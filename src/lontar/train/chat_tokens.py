"""Chats as tokens: exactly those that a server builds for the same messages, and loss on what the assistant says.

An answer begins where the prompt that asks for it ends and goes up to the token that ends the turn, that token
included: it is what generation has to write. Where a template or a tokenizer would show a later prompt in another way
than the whole conversation does (templates that drop earlier thoughts, tokens that reach over the end of a turn), each
answer becomes an example of its own, with its prompt as it is served.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.core.records import Chat, Message, Messages
from lontar.errors import CapabilityError, DataError
from lontar.models.chat import ChatTemplate, Encoded, RewrittenError, encode, encode_answers, normalized, render
from lontar.train.tokens import TokenStore

# For templates that write today's date: two runs on two days train on the same tokens.
NOW = datetime(2025, 1, 1)
_PROBE = (Message(role="user", content="a"), Message(role="assistant", content="b"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Where an answer stands: number of its message, first token, token after its end."""

    message: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation as ids up to the end of its last answer."""

    ids: tuple[int, ...]
    answers: tuple[Answer, ...]
    n_bytes: int
    """bytes of the answers as UTF-8"""

    def stored(self) -> NDArray[np.int32]:
        """As a `TokenStore` keeps it: what carries no loss as its complement."""
        ids = np.asarray(self.ids, dtype=np.int32)
        found = ~ids
        for answer in self.answers:
            found[answer.begin : answer.end] = ids[answer.begin : answer.end]
        return found


def examples(chat: ChatTemplate, messages: Messages) -> list[Example]:
    """A conversation as one example, or as one per answer where the whole is not what a server would build.

    Raises:
        DataError: the template refuses the messages.
        CapabilityError: the template has no prompt that the answer continues, or no token that ends it.
    """
    if (whole := _whole(chat, messages)) is not None:
        return [whole]
    numbers = [i for i, message in enumerate(messages) if message.role == "assistant"]
    return [_last(chat, messages[: i + 1]) for i in numbers]


def _whole(chat: ChatTemplate, messages: Messages) -> Example | None:
    try:
        found = _example(chat, messages, encode_answers(chat, messages, now=NOW), all_answers=True)
    except RewrittenError:
        return None
    later = found.answers[1:]  # before the first answer there is one piece: the prompt as it is served
    same = all(encode(chat, messages[: a.message], now=NOW) == found.ids[: a.begin] for a in later)
    return found if same else None


def _last(chat: ChatTemplate, messages: Messages) -> Example:
    try:
        return _example(chat, messages, encode_answers(chat, messages, last_only=True, now=NOW), all_answers=False)
    except RewrittenError as err:
        raise CapabilityError(
            f"message {len(messages) - 1}: the chat template asks for an answer in one way and shows it in another, so "
            "that no training would teach what a server asks for",
            hint="use a template whose prompt is the beginning of the answered conversation",
        ) from err


def _example(chat: ChatTemplate, messages: Messages, encoded: Encoded, *, all_answers: bool) -> Example:
    numbers = [i for i, message in enumerate(messages) if message.role == "assistant"]
    numbers = numbers if all_answers else numbers[-1:]
    runs = _runs(encoded.answer)
    if len(runs) != len(numbers):
        raise CapabilityError(f"the chat template shows {len(runs)} of {len(numbers)} answers")
    answers = tuple(
        Answer(number, begin, _end(chat, encoded.ids, begin, end))
        for number, (begin, end) in zip(numbers, runs, strict=True)
    )
    n_bytes = sum(len(messages[i].content.encode("utf-8")) for i in numbers)
    return Example(encoded.ids[: answers[-1].end], answers, n_bytes)


def _runs(marks: Sequence[bool]) -> list[tuple[int, int]]:
    """Begin and end of each run of True."""
    edges = [i for i, (a, b) in enumerate(pairwise([False, *marks, False])) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _end(chat: ChatTemplate, ids: Sequence[int], begin: int, end: int) -> int:
    """The place after the token that ends a turn: space after it is the template's, and nobody waits for it."""
    stop = end
    while stop > begin and ids[stop - 1] not in chat.control_ids and not chat.tokenizer.decode([ids[stop - 1]]).strip():
        stop -= 1
    if stop == begin or ids[stop - 1] not in chat.control_ids:
        raise CapabilityError(
            "the chat template ends an answer with no token of its own, so that a model could not learn to stop",
            hint="use a template that ends each turn with a special token of the tokenizer, as <|im_end|> does",
        )
    return stop


def turn_end(chat: ChatTemplate) -> int:
    """The token that ends an answer.

    Raises:
        CapabilityError: there is none.
    """
    return examples(chat, _PROBE)[0].ids[-1]


@dataclass(frozen=True)
class Facts:
    """What became of the chats of one language."""

    chats: int = 0
    examples: int = 0
    too_long: int = 0
    """examples left out"""
    longest: int = 0
    """tokens of the longest example"""


def tokenize_chats(
    chats: Iterable[Chat], chat: ChatTemplate, normalization: Sequence[str], capacity: int
) -> tuple[TokenStore, Facts]:
    """Encode chats; examples that read more than `capacity` tokens are counted and left out.

    Raises:
        DataError, CapabilityError: the template cannot show a chat; names its id.
    """
    pieces, sizes, predicted = list[NDArray[np.int32]](), list[int](), list[int]()
    n_chats = too_long = longest = 0
    for record in chats:
        n_chats += 1
        for example in _named(record, chat, normalization):
            longest = max(longest, len(example.ids))
            if len(example.ids) - 1 > capacity:
                too_long += 1
                continue
            pieces.append(example.stored())
            sizes.append(example.n_bytes)
            predicted.append(sum(a.end - a.begin for a in example.answers))
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    ids = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int32)
    counts = (np.asarray(values, dtype=np.int64) for values in (sizes, predicted))
    return TokenStore(ids, offsets, *counts), Facts(n_chats, len(pieces), too_long, longest)


def _named(record: Chat, chat: ChatTemplate, normalization: Sequence[str]) -> Iterator[Example]:
    try:
        yield from examples(chat, normalized(record.messages, normalization))
    except (DataError, CapabilityError) as err:
        raise type(err)(f"chat {record.id!r}: {err.message}", hint=err.hint) from err


def round_trip(chat: ChatTemplate, messages: Messages, normalization: Sequence[str] = ()) -> int:
    """Prove that training and serving agree on a conversation; returns the number of answers checked.

    Read back from what training would read: before each answer stand the ids that a server builds for the messages
    before it, and the tokens that carry loss say what the template shows of the answer, its end included, and no more.

    Raises:
        CapabilityError: naming the answer and the first token that differs.
    """
    said = normalized(messages, normalization)
    checked = 0
    for example in examples(chat, said):
        stored = example.stored()
        ids, runs = np.where(stored < 0, ~stored, stored).tolist(), _runs((stored >= 0).tolist())
        for answer, (begin, end) in zip(example.answers, runs, strict=True):
            served = encode(chat, normalized(messages[: answer.message], normalization), now=NOW)
            _check_prompt(chat, served, tuple(ids[:begin]), answer.message)
            _check_answer(chat, said, ids[begin:end], answer.message)
            checked += 1
    wanted = sum(message.role == "assistant" for message in messages)
    if checked != wanted:
        raise CapabilityError(f"{checked} of {wanted} answers carry loss")
    return checked


def _check_prompt(chat: ChatTemplate, served: Sequence[int], trained: Sequence[int], number: int) -> None:
    if list(served) == list(trained):
        return
    at = next((i for i, (a, b) in enumerate(zip(served, trained, strict=False)) if a != b), None)
    at = min(len(served), len(trained)) if at is None else at
    both = " and ".join(_shown(chat, ids, at) for ids in (served, trained))
    raise CapabilityError(
        f"message {number}: serving and training differ at token {at} of the prompt: {both}",
        hint="the chat template or the tokenizer shows a conversation in two ways; nothing was trained",
    )


def _shown(chat: ChatTemplate, ids: Sequence[int], at: int) -> str:
    return repr(chat.tokenizer.id_to_token(ids[at])) if at < len(ids) else "the end"


def _check_answer(chat: ChatTemplate, said: Messages, ids: Sequence[int], number: int) -> None:
    before = render(chat, said[:number], now=NOW)
    after = render(chat, said[: number + 1], add_generation_prompt=False, now=NOW)
    expected, found = after[len(before) :], chat.tokenizer.decode(list(ids), skip_special_tokens=False)
    if not after.startswith(before) or _squeezed(expected) != _squeezed(found):
        raise CapabilityError(
            f"message {number}: the tokens that carry loss say {found[:80]!r}, the answer is {expected[:80]!r}",
            hint="the tokenizer cannot write this answer, or the chat template changes it; nothing was trained",
        )


def _squeezed(text: str) -> str:
    """Text without spaces, in one form: tokenizers compose characters and put spaces of their own before words."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def describe(facts: Facts) -> dict[str, Any]:
    """As `training.json` holds it."""
    return {"chats": facts.chats, "examples": facts.examples, "too_long": facts.too_long}
