"""What clients may ask for: the OpenAI request bodies, with strict types.

A field that is not served is an error that names it, never ignored: a client that asks for JSON output or for tools and
silently gets free text is worse off than one that gets a 400. Fields that ask for nothing (null, or the value that
changes nothing) are let pass, since many clients send their defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError, model_validator

from lontar.core.config import nearest

# Values by which a field that is not served asks for nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "tool_choice": ("none",),
    "tools": ([],),
}
MAX_CHOICES = 16
MAX_PROMPTS = 64


class RequestError(Exception):
    """A request that cannot be served, as the OpenAI API words it."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.type, self.param, self.code = message, status, type, param, code
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The error envelope."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class Body(BaseModel):
    """Base of request parts: unknown fields refused, no conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TextPart(Body):
    """One part of a message; only text is served."""

    type: Literal["text"]
    text: str


class ChatMessage(Body):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        """The content as one string."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(Body):
    """What a stream carries besides text."""

    include_usage: bool = False


Number = StrictFloat | StrictInt


class _Sampled(Body):
    """Fields that both endpoints share."""

    model: str
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Annotated[StrictInt, Field(ge=1, le=MAX_CHOICES)] = 1
    temperature: Annotated[Number, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[Number, Field(gt=0, le=1)] = 1.0
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    max_tokens: Annotated[StrictInt, Field(ge=0)] | None = None
    user: str | None = None
    """written to the log line of the request"""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop texts; empty ones would stop at once and are left out."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in given if text)


class ChatRequest(_Sampled):
    """Body of POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=1024)]
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    logprobs: bool = False
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None

    @property
    def limit(self) -> int | None:
        """Most tokens to generate; None means up to the context length."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens


TokenList = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1)]


class CompletionRequest(_Sampled):
    """Body of POST /v1/completions."""

    prompt: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS)]
        | TokenList
        | Annotated[list[TokenList], Field(min_length=1, max_length=MAX_PROMPTS)]
    )
    max_tokens: Annotated[StrictInt, Field(ge=0)] | None = 16
    echo: bool = False
    logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts one by one."""
        if isinstance(self.prompt, str) or isinstance(self.prompt[0], int):
            return [self.prompt]
        return list(self.prompt)


B = TypeVar("B", bound=_Sampled)


def parse(model: type[B], value: Any) -> B:
    """Check a request body.

    Raises:
        RequestError: naming the first field that is wrong or not served.
    """
    if not isinstance(value, dict):
        raise RequestError(f"the body must be a JSON object (got {type(value).__name__})")
    asked = {k: v for k, v in value.items() if k in model.model_fields or not _asks_nothing(k, v)}
    try:
        return model.model_validate(asked)
    except ValidationError as err:
        raise _request_error(model, err) from err


def _asks_nothing(name: str, value: Any) -> bool:
    return value is None or any(_same(value, v) for v in NEUTRAL.get(name, ()))


def _same(value: Any, neutral: Any) -> bool:
    """Equal, and 0.0 is 0, but False is not."""
    return bool(value == neutral) and isinstance(value, bool) == isinstance(neutral, bool)


def _request_error(model: type[BaseModel], err: ValidationError) -> RequestError:
    # Members of a union each report; the deepest place tells most.
    first = max(err.errors(include_url=False, include_context=False), key=lambda e: _weight(e["type"], e["loc"]))
    loc = [part for part in first["loc"] if not (isinstance(part, str) and _is_union_tag(part))]
    param = ".".join(str(part) for part in loc) or None
    if first["type"] == "extra_forbidden":
        name = str(loc[-1])
        known = name in NEUTRAL
        hint = None if known else nearest(name, model.model_fields) if len(loc) == 1 else None
        return RequestError(
            f"{param}: {'not supported by this server' if known else 'unknown field'}" + (f" ({hint})" if hint else ""),
            param=param,
            code="unsupported_parameter" if known else "unknown_parameter",
        )
    if first["type"] == "missing":
        return RequestError(f"{param}: required, but not given", param=param, code="missing_required_parameter")
    shown = repr(first["input"])
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return RequestError(f"{param}: {first['msg']} (got {shown})", param=param, code="invalid_value")


def _weight(kind: str, loc: tuple[Any, ...]) -> tuple[bool, int]:
    return kind == "extra_forbidden", len(loc)


def _is_union_tag(part: str) -> bool:
    return part in ("str", "int", "float", "bool") or "[" in part
