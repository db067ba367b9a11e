"""A back-end without a model: answers made from the prompt, likelihoods made from a hash.

Everything is a function of the request alone, so tests and dry runs can be repeated anywhere. A token is a character:
its id is the code point.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lontar.backends.base import (
    Delta,
    FinishReason,
    Generation,
    ModelIdentity,
    Prompt,
    Sampling,
    TokenIds,
    TokenLogprob,
    TokenScores,
    Usage,
    prompt_json,
    prompt_text,
)
from lontar.backends.stops import StopFilter
from lontar.core.manifest import canonical_json
from lontar.errors import CapabilityError

# Each character costs between 1 and 3 nats: about what a small model pays, so that figures look like figures.
_LEAST, _MOST = 1.0, 3.0
_WIDTH = 16


class Echo:
    """Answers with the prompt's own text; `answer` replaces that by a function of the prompt."""

    instant = True
    """answers cost nothing: whoever keeps answers for later need not keep these"""

    def __init__(
        self, target: str | Path = "", *, answer: Callable[[Prompt], str] = prompt_text, seed: int = 0
    ) -> None:
        self._answer, self._seed = answer, seed

    async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        """The answer, one character per piece."""
        for index in range(sampling.n):
            text = self._answer(prompt)
            limit = len(text) if sampling.max_tokens is None else sampling.max_tokens
            stops, spent = StopFilter(sampling.stop), 0
            for char in text[:limit]:
                await asyncio.sleep(0)
                spent += 1
                shown = stops.push(char)
                logprobs = self._tokens(prompt, char, sampling.logprobs) if sampling.logprobs is not None else ()
                yield Delta(shown, (ord(char),), logprobs, index=index)
                if stops.stopped:
                    break
            cut = len(text) > limit and not stops.stopped
            reason: FinishReason = "length" if cut else "stop"
            usage = Usage(self.count(prompt), spent)
            rest = "" if stops.stopped else stops.flush()
            yield Delta(rest, finish_reason=reason, index=index, usage=usage, matched=stops.matched)

    async def generate_many(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[Generation | Exception]:
        """All answers at once: what a run costs without a model is then what asking and scoring cost."""
        if sampling.n > 1 or sampling.logprobs is not None:
            raise CapabilityError("echo gives one answer per prompt here", hint="use `stream` for more")
        return [self._at_once(prompt, sampling) for prompt in prompts]

    def _at_once(self, prompt: Prompt, sampling: Sampling) -> Generation:
        text = self._answer(prompt)
        limit = len(text) if sampling.max_tokens is None else sampling.max_tokens
        stops = StopFilter(sampling.stop)
        shown = stops.push(text[:limit]) if sampling.stop else text[:limit]
        if sampling.stop and not stops.stopped:
            shown += stops.flush()
        reason: FinishReason = "length" if len(text) > limit and not stops.stopped else "stop"
        usage = Usage(self.count(prompt), min(len(text), limit))
        return Generation(shown, finish_reason=reason, usage=usage, matched=stops.matched)

    async def score(self, prompt: Prompt, continuation: str | TokenIds, /, *, top: int = 0) -> TokenScores:
        """Log-probabilities by hash of prompt, place and character."""
        await asyncio.sleep(0)
        text = continuation if isinstance(continuation, str) else "".join(chr(i) for i in continuation)
        return TokenScores(self._tokens(prompt, text, top), greedy=False)

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Unit vectors by hash."""
        raw = np.array([[self._unit(text, d) for d in range(_WIDTH)] for text in texts], np.float32)
        rows: NDArray[np.float32] = raw.reshape(len(texts), _WIDTH)
        norms: NDArray[np.float32] = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return np.divide(rows, norms, dtype=np.float32)

    def count(self, prompt: Prompt, /) -> int:
        """Characters of all the text in the prompt."""
        if isinstance(prompt, str):
            return len(prompt)
        return sum(1 if isinstance(item, int) else len(item.content) for item in prompt)

    def describe(self) -> ModelIdentity:
        """Name and seed."""
        return ModelIdentity(name="echo", backend="echo", digest=f"echo-{self._seed}")

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _tokens(self, prompt: Prompt, text: str, top: int | None) -> tuple[TokenLogprob, ...]:
        rolling = hashlib.sha256(f"{self._seed}\0".encode() + canonical_json(prompt_json(prompt)))
        found = []
        for char in text:
            rolling.update(char.encode("utf-8", "surrogatepass"))
            logprob = -(_LEAST + (_MOST - _LEAST) * _fraction(rolling.digest()))
            found.append(TokenLogprob(ord(char), char, logprob, ((char, logprob),) if top else ()))
        return tuple(found)

    def _unit(self, text: str, dimension: int) -> float:
        key = f"{self._seed}\0{dimension}\0{text}"
        return _fraction(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()) - 0.5


def _fraction(digest: bytes) -> float:
    return int.from_bytes(digest[:6], "big") / 2**48
