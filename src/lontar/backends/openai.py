"""Any server that speaks the OpenAI API: vLLM, SGLang, llama-server, `lontar serve`, closed services.

Raw HTTP rather than the vendor's client: it is one dependency less, and it shows what servers really send. A chat goes
to `/chat/completions`, text and token ids go to `/completions`. Likelihoods need a server that echoes log-probabilities
of the prompt; which do is found out by asking.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lontar.backends.base import (
    Delta,
    ModelIdentity,
    Prompt,
    Sampling,
    TokenIds,
    TokenScores,
    is_messages,
)
from lontar.backends.http import Client, base_url, error_in_body
from lontar.backends.openai_wire import deltas, joined, request_body, scores_of
from lontar.backends.sse import DONE, EventReader, event_object
from lontar.core.config import JsonObject
from lontar.errors import BackendError, CapabilityError, ConfigError, DataError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OpenAI:
    """One model at one URL."""

    def __init__(self, target: str | Path = "", *, model: str = "", timeout_s: float = 600.0) -> None:
        if not model:
            raise ConfigError(f"{target}: which model?", hint="give the option model=NAME; the server lists its models")
        self._client, self._model = Client(base_url(str(target)), timeout_s=timeout_s), model
        # Fields that some servers refuse, or want under another name; learned from their first answer.
        self._refused: set[str] = set()
        self._renamed: dict[str, str] = {}

    def describe(self) -> ModelIdentity:
        """URL and name: what a remote model is behind them can change at any time."""
        return ModelIdentity(name=self._model, backend="openai", url=self._client.url)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    # --- answers

    async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        """Yield the answer as the server sends it.

        Raises:
            UnavailableError: it may work later, a stream that broke off included; DataError: this request is refused.
        """
        chat = is_messages(prompt)
        body = request_body(self._model, prompt, sampling, chat)
        while True:
            try:
                path = "chat/completions" if chat else "completions"
                async with aclosing(cast(Any, self._events(path, body))) as events:
                    async for delta in deltas(events, chat):
                        yield delta
                return
            except DataError as err:
                if not self._learns(err, body):
                    raise

    async def _events(self, path: str, body: JsonObject) -> AsyncIterator[JsonObject]:
        asked = {self._renamed.get(name, name): value for name, value in body.items() if name not in self._refused}
        reader = EventReader()
        async with self._client.post(path, asked) as response:
            async for piece in response.content.iter_any():
                for data in reader.feed(piece):
                    if data == DONE:
                        yield {"done": True}
                        return
                    yield self._checked(data)
            for data in reader.end():
                yield {"done": True} if data == DONE else self._checked(data)

    def _checked(self, data: str) -> JsonObject:
        event = event_object(data)
        if event.get("error"):
            raise error_in_body(self._client.url, event["error"])
        return event

    def _learns(self, err: DataError, body: JsonObject) -> bool:
        """Whether a refusal names a field that can be left out or renamed; the next try does so."""
        if "max_completion_tokens" in err.message and "max_tokens" in body and "max_tokens" not in self._renamed:
            self._renamed["max_tokens"] = "max_completion_tokens"
            return True
        if "stream_options" in err.message and "stream_options" not in self._refused:
            self._refused.add("stream_options")
            return True
        return False

    # --- likelihoods

    async def score(self, prompt: Prompt, continuation: str | TokenIds, /, *, top: int = 0) -> TokenScores:
        """Log-probabilities of a continuation, where the server echoes them.

        Raises:
            CapabilityError: it does not, or the prompt is a chat, which a server renders out of sight.
        """
        if is_messages(prompt):
            raise CapabilityError(
                f"{self._client.url}: servers give no likelihoods after a chat", hint="use a prompt of plain text"
            )
        whole, start = joined(cast("str | TokenIds", prompt), continuation)
        body: JsonObject = {
            "model": self._model,
            "prompt": whole,
            "max_tokens": 0,
            "echo": True,
            "logprobs": max(1, top),
        }
        try:
            answer = await self._client.json("completions", {**body, "temperature": 0})
        except DataError as err:
            raise self._incapable(err.message) from err
        except UnavailableError:
            raise
        except BackendError as err:
            raise (self._incapable(err.message) if "HTTP 404" in err.message else err) from err
        return scores_of(answer, whole, start, top) or self._raise_incapable("no log-probabilities in its answer")

    def _incapable(self, why: str) -> CapabilityError:
        return CapabilityError(
            f"the server gives no likelihoods of a given text: {why}",
            hint="vLLM, SGLang and `lontar serve` do; closed services mostly do not",
        )

    def _raise_incapable(self, why: str) -> TokenScores:
        raise self._incapable(f"{self._client.url}: {why}")

    # --- embeddings

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Vectors [n, d] of unit norm."""
        import numpy as np

        answer = await self._client.json("embeddings", {"model": self._model, "input": list(texts)})
        rows = answer.get("data")
        if not isinstance(rows, list) or len(rows) != len(texts):
            raise UnavailableError(f"{self._client.url}: {len(texts)} vectors expected")
        listed = sorted((cast(Any, row) for row in rows), key=lambda row: int(row["index"]))
        vectors = np.array([row["embedding"] for row in listed], np.float32).reshape(len(texts), -1)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        unit: NDArray[np.float32] = np.divide(vectors, lengths, dtype=np.float32)
        return unit
