"""What clients get: bodies and stream chunks in the shapes of the OpenAI API, from the pieces a back-end gives."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lontar.backends.base import Delta, Generation, TokenLogprob, Usage

JsonObject = dict[str, Any]
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Head:
    """What every body of one answer repeats."""

    id: str
    created: int
    model: str
    fingerprint: str

    def body(self, kind: str, **rest: Any) -> JsonObject:
        """A body of the given object type."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            **rest,
        }


@dataclass(slots=True)
class Tally:
    """Tokens of one request, from the last pieces of its answers. `n` answers share a prompt, which counts once."""

    n: int
    _in: dict[int, int] = field(default_factory=dict)
    _out: dict[int, int] = field(default_factory=dict)

    def add(self, index: int, usage: Usage | None) -> None:
        """Take note of the usage of answer number `index`."""
        if usage is not None:
            self._in[index // self.n] = usage.tokens_in
            self._out[index] = usage.tokens_out

    @property
    def tokens_in(self) -> int:
        """Tokens read."""
        return sum(self._in.values())

    @property
    def tokens_out(self) -> int:
        """Tokens written."""
        return sum(self._out.values())

    def body(self) -> JsonObject:
        """The `usage` object."""
        return {
            "prompt_tokens": self.tokens_in,
            "completion_tokens": self.tokens_out,
            "total_tokens": self.tokens_in + self.tokens_out,
        }


def event(body: JsonObject) -> bytes:
    """One server-sent event. Half characters never leave: what is no Unicode text becomes `?`."""
    return b"data: " + dumps(body) + b"\n\n"


def dumps(body: JsonObject) -> bytes:
    """JSON as UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def chat_choice(index: int, answer: Generation, logprobs: bool) -> JsonObject:
    """One choice of a whole chat answer."""
    return {
        "index": index,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "logprobs": chat_logprobs(answer.logprobs) if logprobs else None,
        "finish_reason": answer.finish_reason,
    }


def chat_chunk_choice(delta: Delta, first: bool, logprobs: bool) -> JsonObject:
    """One choice of a chat chunk; the first one of each answer carries the role."""
    said: JsonObject = {"role": "assistant"} if first else {}
    if delta.text or first:
        said["content"] = delta.text
    return {
        "index": delta.index,
        "delta": said,
        "logprobs": chat_logprobs(delta.logprobs) if logprobs and delta.logprobs else None,
        "finish_reason": delta.finish_reason,
    }


def chat_logprobs(tokens: Iterable[TokenLogprob]) -> JsonObject:
    """Log-probabilities as the chat endpoint gives them."""
    return {
        "content": [
            {**_token(t.text, t.logprob), "top_logprobs": [_token(text, value) for text, value in t.top]}
            for t in tokens
        ],
        "refusal": None,
    }


def _token(text: str, logprob: float) -> JsonObject:
    return {"token": text, "logprob": _number(logprob), "bytes": list(text.encode("utf-8", "replace"))}


def _number(logprob: float) -> float:
    # JSON has no infinity; -9999 is what the OpenAI API gives for a token that cannot come.
    return logprob if math.isfinite(logprob) else -9999.0


def completion_choice(
    index: int, text: str, finish_reason: str | None, tokens: Sequence[TokenLogprob] | None = None, offset: int = 0
) -> JsonObject:
    """One choice of a completion, whole or a chunk. `offset`: characters of the answer that came before `tokens`."""
    logprobs = None if tokens is None else completion_logprobs(tokens, offset)
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}


def completion_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> JsonObject:
    """Log-probabilities as the completions endpoint gives them; a first token has none (NaN becomes null)."""
    body: dict[str, list[Any]] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for token in tokens:
        body["tokens"].append(token.text)
        body["token_logprobs"].append(None if math.isnan(token.logprob) else _number(token.logprob))
        body["top_logprobs"].append({text: _number(value) for text, value in token.top} or None)
        body["text_offset"].append(offset)
        offset += len(token.text)
    return dict(body)
