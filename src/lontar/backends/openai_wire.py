"""The OpenAI API's JSON to and from our values. Servers differ in what they leave out, so everything may be missing."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

from lontar.backends.base import (
    Delta,
    FinishReason,
    Prompt,
    Sampling,
    TokenIds,
    TokenLogprob,
    TokenScores,
    Usage,
    prompt_json,
)
from lontar.core.config import JsonObject, JsonValue
from lontar.errors import DataError, UnavailableError

# The first token of a text has no probability of its own; after a line break every token has one.
_START = "\n"


def request_body(model: str, prompt: Prompt, sampling: Sampling, chat: bool) -> JsonObject:
    """The body of a streaming request, without fields that ask for nothing."""
    body: JsonObject = {"model": model, "messages" if chat else "prompt": prompt_json(prompt)}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    ours = sampling.temperature is not None
    optional: list[tuple[str, JsonValue, bool]] = [
        ("max_tokens", sampling.max_tokens, sampling.max_tokens is not None),
        ("temperature", sampling.temperature, ours),
        ("top_p", sampling.top_p, ours and sampling.top_p < 1),
        ("top_k", sampling.top_k, ours and sampling.top_k > 0),
        ("seed", sampling.seed, sampling.seed is not None),
        ("stop", list(sampling.stop), bool(sampling.stop)),
        ("n", sampling.n, sampling.n > 1),
        ("logprobs", True if chat else sampling.logprobs, sampling.logprobs is not None),
        ("top_logprobs", sampling.logprobs, chat and sampling.logprobs is not None),
    ]
    return body | {name: value for name, value, wanted in optional if wanted}


async def deltas(events: AsyncIterator[JsonObject], chat: bool) -> AsyncIterator[Delta]:
    """Pieces of the answers. The usage comes in an event of its own at the end, so the last pieces wait for it."""
    reasons: dict[int, FinishReason] = {}
    begun: set[int] = {0}
    usage = Usage()
    done = False
    async for event in events:
        done = done or event.get("done") is True
        usage = usage_of(event.get("usage")) or usage
        for choice in cast("list[Any]", event.get("choices") or []):
            index = int(choice.get("index") or 0)
            begun.add(index)
            if reason := choice.get("finish_reason"):
                reasons[index] = "length" if reason == "length" else "stop"
            piece = choice.get("delta") or {} if chat else choice
            text = piece.get("content" if chat else "text")
            # vLLM, SGLang and llama-server write `reasoning_content`; vLLM from 0.11 on and OpenRouter `reasoning`.
            thinking = piece.get("reasoning_content") or piece.get("reasoning")
            logprobs = logprobs_of(choice.get("logprobs"), chat)
            if text or logprobs or thinking:
                yield Delta(str(text or ""), logprobs=logprobs, index=index, thinking=str(thinking or ""))
    if not done and not begun <= reasons.keys():
        raise UnavailableError("the server's stream broke off before the answer was complete")
    for index in sorted(begun):
        yield Delta(finish_reason=reasons.get(index, "stop"), index=index, usage=usage)


def usage_of(value: Any) -> Usage | None:
    """Tokens, when the event tells them."""
    if not isinstance(value, dict):
        return None
    details = value.get("completion_tokens_details")
    thinking = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return Usage(int(value.get("prompt_tokens") or 0), int(value.get("completion_tokens") or 0), int(thinking or 0))


def logprobs_of(value: Any, chat: bool) -> tuple[TokenLogprob, ...]:
    """Log-probabilities as either endpoint writes them; ids are not told and stand as -1."""
    if not isinstance(value, dict):
        return ()
    if chat:
        rows = value.get("content") or []
        tops = [tuple((str(t["token"]), float(t["logprob"])) for t in row.get("top_logprobs") or []) for row in rows]
        return tuple(
            TokenLogprob(-1, str(r["token"]), float(r["logprob"]), top) for r, top in zip(rows, tops, strict=True)
        )
    texts, values = value.get("tokens") or [], value.get("token_logprobs") or []
    listed = value.get("top_logprobs") or [None] * len(texts)
    return tuple(
        TokenLogprob(-1, str(text), float(logprob), tuple((top or {}).items()))
        for text, logprob, top in zip(texts, values, listed, strict=False)
        if logprob is not None
    )


def joined(prompt: str | TokenIds, continuation: str | TokenIds) -> tuple[JsonValue, int]:
    """What to send, and where the continuation begins in it: a character, or a token."""
    if isinstance(prompt, str) and isinstance(continuation, str):
        before = prompt or _START
        return before + continuation, len(before)
    if isinstance(prompt, str) or isinstance(continuation, str) or not prompt:
        raise DataError("text and token ids cannot be mixed, and token ids need a prompt", hint="give both as text")
    return [*prompt, *continuation], len(prompt)


def scores_of(answer: JsonObject, whole: JsonValue, start: int, top: int) -> TokenScores | None:
    """Scores of the tokens that end behind `start`; None when the answer does not hold them all."""
    choice = cast(Any, (answer.get("choices") or [{}]))[0]
    found = choice.get("logprobs") or {}
    texts, values = found.get("tokens") or [], found.get("token_logprobs") or []
    if not texts or len(texts) != len(values):
        return None
    wanted = range(start, len(texts))
    if isinstance(whole, str):
        wanted = _located([str(text) for text in texts], found.get("text_offset") or [], whole, start)
    if not wanted or any(values[i] is None for i in wanted):
        return None
    tops = found.get("top_logprobs") or [None] * len(texts)
    kept = [tuple(sorted((tops[i] or {}).items(), key=lambda pair: -pair[1])) for i in wanted]
    # Servers round: the chosen token's figure and the same token's among the likeliest differ in the last digits.
    greedy = all(not k or values[i] >= k[0][1] - 1e-4 for i, k in zip(wanted, kept, strict=True))
    tokens = [TokenLogprob(-1, str(texts[i]), float(values[i]), k[:top]) for i, k in zip(wanted, kept, strict=True)]
    return TokenScores(tuple(tokens), greedy)


def _located(texts: list[str], offsets: list[int], whole: str, start: int) -> range:
    """Numbers of the tokens that begin at character `start` of `whole`, or end behind it.

    Their own texts tell, also where the server has normalized what stands before; else the offsets it gives: tokens
    that are part of a character have no text of their own there.
    """
    begins = [0, *itertools.accumulate(map(len, texts))]
    if "".join(texts).endswith(whole[start:]):
        start = begins[-1] - len(whole[start:])
    elif len(offsets) == len(texts):
        begins = [*offsets, len(whole)]
    else:
        return range(0)
    spans = enumerate(itertools.pairwise(begins))
    return range(next((i for i, (begin, end) in spans if begin >= start or end > start), len(texts)), len(texts))
