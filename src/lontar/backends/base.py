"""What a back-end can do, as small protocols, and the values that cross them.

A back-end implements the protocols it can; a caller asks for the one it needs with `require` and gets a clear error for
the rest. Everything is a plain value, so that a request can be hashed, cached and sent to another process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from pydantic import Field

from lontar.core.config import Config, JsonObject, JsonValue
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.core.records import Message, Messages
from lontar.errors import CapabilityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TokenIds: TypeAlias = tuple[int, ...]
Prompt: TypeAlias = Messages | str | TokenIds
FinishReason = Literal["stop", "length"]
T = TypeVar("T")


class Sampling(Config):
    """How to generate."""

    max_tokens: int | None = Field(default=None, ge=0)
    """most new tokens; none: up to the context length"""
    temperature: float | None = Field(default=0.0, ge=0.0)
    """0 takes the likeliest token; none leaves this, `top_p` and `top_k` to the model's own generation settings"""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """sample from the smallest set of tokens with this much probability"""
    top_k: int = Field(default=0, ge=0)
    """sample from so many likeliest tokens; 0: from all"""
    seed: int | None = None
    """same seed, same answer, as far as the back-end can promise it; none: another one each time"""
    stop: tuple[str, ...] = ()
    """texts that end the answer and are not part of it"""
    n: int = Field(default=1, ge=1)
    """answers per prompt"""
    shrink: bool = False
    """write fewer tokens where the context has no room for `max_tokens`, instead of refusing"""
    logprobs: int | None = Field(default=None, ge=0, le=20)
    """report the log-probability of each token and of so many alternatives"""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Log-probability (natural logarithm) of one token and of its likeliest alternatives.

    `text` is what became complete with this token, so that the texts of all tokens together are the whole text: empty
    for the first part of a character. `id` is -1 where a server does not tell it.
    """

    id: int
    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_thinking: int = 0
    """how many of `tokens_out` were thinking, as far as the server tells"""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of answer number `index`. The last piece of an answer has a `finish_reason`.

    `token_ids` and `logprobs` are those of the tokens that became known with this piece; a token whose text is still
    held back (half a character, the possible beginning of a stop text) may come before its text.
    """

    text: str = ""
    token_ids: TokenIds = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    index: int = 0
    usage: Usage | None = None
    thinking: str = ""
    """a piece of what the server's reasoning parser splits off; never part of `text`"""
    matched: str = ""
    """with the last piece: the stop text that ended the answer, where the back-end knows"""


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole answer."""

    text: str
    token_ids: TokenIds = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = field(default_factory=Usage)
    thinking: str = ""
    matched: str = ""


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Log-probabilities of a continuation, token by token. `greedy`: each token was the likeliest one."""

    tokens: tuple[TokenLogprob, ...]
    greedy: bool = False

    @property
    def logprob(self) -> float:
        """Sum over the tokens, in nats."""
        return float(sum(token.logprob for token in self.tokens))

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self.tokens)


class ModelIdentity(Config):
    """Which model answered. `digest` names the files of a local model; a remote one has only what its server says."""

    name: str
    backend: str
    digest: str | None = None
    url: str | None = None
    facts: JsonObject = Field(default_factory=dict)
    """what else tells two of them apart: dtype, revision, server fingerprint"""

    @property
    def key(self) -> str:
        """A hash to keep answers of different models apart."""
        return sha256_bytes(canonical_json(self))


@runtime_checkable
class Generator(Protocol):
    """Writes answers."""

    def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        """Yield an answer piece by piece; closing the iterator stops the work."""


@runtime_checkable
class LikelihoodScorer(Protocol):
    """Tells how likely a given continuation is."""

    async def score(self, prompt: Prompt, continuation: str | TokenIds, /, *, top: int = 0) -> TokenScores:
        """Score a continuation; `top` asks for alternatives per token."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Vectors [n, d] of unit norm."""


@runtime_checkable
class Counter(Protocol):
    """Counts tokens."""

    def count(self, prompt: Prompt, /) -> int:
        """Tokens that the model reads for `prompt`, special ones included."""


@runtime_checkable
class Described(Protocol):
    """Says which model it runs."""

    def describe(self) -> ModelIdentity:
        """Name and digests."""


@runtime_checkable
class BatchGenerator(Protocol):
    """Writes many answers at once, in batches that depend on the requests alone, so that results can be repeated."""

    async def generate_many(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[Generation | Exception]:
        """One answer per prompt, in order; a prompt that cannot be answered gives its error in place."""


@runtime_checkable
class BatchScorer(Protocol):
    """Scores many continuations at once, in batches that depend on the requests alone."""

    async def score_many(self, pairs: Sequence[tuple[Prompt, str | TokenIds]], /) -> list[TokenScores | Exception]:
        """One result per pair, in order; a pair that cannot be scored gives its error in place."""


@runtime_checkable
class Closing(Protocol):
    """Holds threads, connections or memory until it is closed."""

    async def aclose(self) -> None:
        """Let go of everything; safe to call twice."""


PROTOCOLS: dict[str, Any] = {
    "generate": Generator,
    "score likelihoods": LikelihoodScorer,
    "embed": Embedder,
    "count tokens": Counter,
    "describe itself": Described,
}
"""What back-ends are asked for, in words."""


def abilities(backend: object) -> list[str]:
    """What a back-end can do, in words."""
    return [words for words, protocol in PROTOCOLS.items() if isinstance(backend, protocol)]


def require(backend: object, protocol: Callable[..., T]) -> T:
    """The back-end, known to implement `protocol` (one of the classes above).

    Raises:
        CapabilityError: it does not; the message names what it can do.
    """
    if isinstance(backend, cast(Any, protocol)):
        return cast(T, backend)
    wanted = next((words for words, p in PROTOCOLS.items() if p is protocol), getattr(protocol, "__name__", "do that"))
    name = backend.describe().backend if isinstance(backend, Described) else type(backend).__name__
    raise CapabilityError(
        f"back-end {name!r} cannot {wanted}; it can {', '.join(abilities(backend)) or 'do nothing we know of'}",
        hint="choose another back-end: `lontar list backends`",
    )


def is_messages(prompt: Prompt) -> bool:
    """Whether a prompt is a chat."""
    return isinstance(prompt, tuple) and bool(prompt) and isinstance(prompt[0], Message)


def prompt_json(prompt: Prompt) -> JsonValue:
    """A prompt as JSON: text as it is, messages as objects, token ids as numbers."""
    if isinstance(prompt, str):
        return prompt
    return [item.model_dump(mode="json") if isinstance(item, Message) else item for item in prompt]


def prompt_text(prompt: Prompt) -> str:
    """The text of a prompt: of a chat the last message, of token ids their numbers."""
    if isinstance(prompt, str):
        return prompt
    last = prompt[-1] if prompt else ""
    return last.content if isinstance(last, Message) else " ".join(str(item) for item in prompt)


async def collect(stream: AsyncIterator[Delta]) -> list[Generation]:
    """Gather a stream into whole answers, one per index."""
    parts: dict[int, list[Delta]] = {}
    async for delta in stream:
        parts.setdefault(delta.index, []).append(delta)
    return [_joined(deltas) for _, deltas in sorted(parts.items())]


def _joined(deltas: Sequence[Delta]) -> Generation:
    return Generation(
        text="".join(delta.text for delta in deltas),
        token_ids=tuple(i for delta in deltas for i in delta.token_ids),
        logprobs=tuple(p for delta in deltas for p in delta.logprobs),
        finish_reason=next((d.finish_reason for d in reversed(deltas) if d.finish_reason), "stop"),
        usage=next((d.usage for d in reversed(deltas) if d.usage), Usage()),
        thinking="".join(delta.thinking for delta in deltas),
        matched=next((d.matched for d in reversed(deltas) if d.matched), ""),
    )
