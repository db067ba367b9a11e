"""A model folder in this process, through transformers, on CPU or GPU.

All work runs on one thread (`worker.py`), so the event loop is never blocked and answers under way take turns. Text
goes through the model's own normalizations by name; what does not fit the context is an error and never cut.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lontar.backends.base import (
    Delta,
    Generation,
    ModelIdentity,
    Prompt,
    Sampling,
    TokenIds,
    TokenScores,
    is_messages,
)
from lontar.backends.hf_generate import Engine, generate, generate_batch
from lontar.backends.hf_score import Request, batches, score_batch
from lontar.backends.text import Pieces
from lontar.backends.worker import Worker
from lontar.core.artifact import Artifact, payload_files
from lontar.core.extras import need
from lontar.core.manifest import FILENAME, FileEntry, content_digest, sha256_file
from lontar.core.records import Message, Messages
from lontar.errors import DataError

if TYPE_CHECKING:
    from lontar.models.load import Dtype, LoadedModel

# Answers that grow together. Beyond this a CPU gains nothing: the matrices are no longer thin.
BATCH_ROWS = 32


class HuggingFace:
    """One model folder, open."""

    def __init__(
        self, target: str | Path, *, device: str = "auto", dtype: Dtype = "auto", threads: int | None = None
    ) -> None:
        from lontar.models.chat import open_chat
        from lontar.models.load import open_model

        if threads is not None:
            need("torch", extra="train").set_num_threads(threads)
        self._loaded: LoadedModel = open_model(Path(target), device=device, dtype=dtype)
        self._open_chat: Callable[[], Any] = lambda: open_chat(self._loaded.folder, self._loaded.tokenizer)
        self._chat: Any = None
        self._engine = _engine(self._loaded)
        self._worker = Worker(f"hf {self._loaded.folder.name}")
        self._identity: ModelIdentity | None = None

    async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        """Yield the answer token by token.

        Raises:
            DataError: prompt and answer do not fit the context; CapabilityError: a chat, and no chat template.
        """
        ids, sampling = self._ids(prompt), self._own(sampling)
        steps = generate(self._engine, ids, sampling, self._limit(ids, sampling))
        async with aclosing(cast(Any, self._worker.stream(steps))) as deltas:
            async for delta in deltas:
                yield delta

    async def score(self, prompt: Prompt, continuation: str | TokenIds, /, *, top: int = 0) -> TokenScores:
        """Log-probabilities of a continuation. Text is scored from the model's start token on; token ids as given."""
        return (await self._worker.last(score_batch(self._engine, [self._request(prompt, continuation, top)])))[0]

    async def generate_many(self, prompts: Sequence[Prompt], sampling: Sampling, /) -> list[Generation | Exception]:
        """One answer per prompt, in batches of similar length."""
        sampling = self._own(sampling)
        found: list[Generation | Exception] = []
        ready: dict[int, tuple[TokenIds, int]] = {}
        for number, prompt in enumerate(prompts):
            try:
                ids = self._ids(prompt)
                ready[number] = (ids, self._limit(ids, sampling))
                found.append(Generation(""))
            except DataError as err:
                found.append(err)
        order = sorted(ready, key=lambda number: (len(ready[number][0]), ready[number][0]))
        for begin in range(0, len(order), BATCH_ROWS):
            rows = order[begin : begin + BATCH_ROWS]
            steps = generate_batch(self._engine, [ready[i][0] for i in rows], sampling, [ready[i][1] for i in rows])
            for number, answer in zip(rows, await self._worker.last(steps), strict=True):
                found[number] = answer
        return found

    async def score_many(self, pairs: Sequence[tuple[Prompt, str | TokenIds]], /) -> list[TokenScores | Exception]:
        """One result per pair, in batches of similar length."""
        found: list[TokenScores | Exception] = []
        ready: dict[int, Request] = {}
        for number, (prompt, continuation) in enumerate(pairs):
            try:
                ready[number] = self._request(prompt, continuation, 0)
                found.append(TokenScores(()))
            except DataError as err:
                found.append(err)
        numbers = list(ready)
        for rows in batches([ready[number] for number in numbers]):
            steps = score_batch(self._engine, [ready[numbers[row]] for row in rows])
            for row, scores in zip(rows, await self._worker.last(steps), strict=True):
                found[numbers[row]] = scores
        return found

    def count(self, prompt: Prompt, /) -> int:
        """Tokens that the model reads."""
        return len(self._ids(prompt))

    def describe(self) -> ModelIdentity:
        """Name, digest of the files, type and context length."""
        if self._identity is None:
            loaded = self._loaded
            facts = {"dtype": loaded.dtype, "device": loaded.device, "context_length": loaded.context_length}
            name = loaded.folder.resolve().name
            self._identity = ModelIdentity(name=name, backend="hf", digest=_digest(loaded.folder), facts=facts)
        return self._identity

    async def aclose(self) -> None:
        """End the thread."""
        await self._worker.aclose()

    # --- from prompts to token ids

    def _ids(self, prompt: Prompt) -> TokenIds:
        if is_messages(prompt):
            return self._checked(self._chat_ids(cast(Messages, prompt)))
        if isinstance(prompt, str):
            return self._checked(self._text_ids(self._normalized(prompt)) or self._start())
        return self._checked(self._known(cast(TokenIds, prompt)) or self._start())

    def _chat_ids(self, messages: Messages) -> TokenIds:
        from lontar.models.chat import encode

        if self._chat is None:
            self._chat = self._open_chat()
        ids: TokenIds = encode(
            self._chat, tuple(Message(role=m.role, content=self._normalized(m.content)) for m in messages)
        )
        return ids

    def _text_ids(self, text: str, *, special: bool = True) -> TokenIds:
        return tuple(self._loaded.tokenizer.encode(text, add_special_tokens=special).ids)

    def _request(self, prompt: Prompt, continuation: str | TokenIds, top: int) -> Request:
        """The tokens of both, and where the continuation begins."""
        if isinstance(prompt, str) and isinstance(continuation, str):
            # Normalized as one text: at the end of a prompt and in the middle of a text, a space is not the same.
            head, ids = (self._begun(self._normalized(text)) for text in (prompt, prompt + continuation))
            # A token that holds the end of the prompt and the beginning of the continuation counts as the latter.
            start = next((i for i, (a, b) in enumerate(zip(head, ids, strict=False)) if a != b), len(head))
        else:
            head = self._ids(prompt)
            rest = (
                self._text_ids(self._normalized_part(continuation), special=False)
                if isinstance(continuation, str)
                else self._known(continuation)
            )
            ids, start = head + rest, len(head)
        return Request(self._checked(ids), start, top)

    def _begun(self, text: str) -> TokenIds:
        """A text from its start token on, so that its likelihood is the product of those of its parts."""
        ids, start = self._text_ids(text), self._start()
        return ids if ids[:1] == start else start + ids

    def _start(self) -> TokenIds:
        if self._loaded.start_id is None:
            raise DataError(
                f"{self._loaded.folder}: the model has no start token, so the first token of a text has no likelihood",
                hint="give token ids, or set bos_token_id or eos_token_id in config.json",
            )
        return (self._loaded.start_id,)

    def _known(self, ids: TokenIds) -> TokenIds:
        size = self._loaded.model.get_input_embeddings().num_embeddings
        for token in ids:
            if not 0 <= token < size:
                raise DataError(f"token id {token} is outside the vocabulary of {size}")
        return tuple(ids)

    def _checked(self, ids: TokenIds) -> TokenIds:
        if len(ids) > self._loaded.context_length:
            raise DataError(
                f"the text has {len(ids)} tokens, the model's context holds {self._loaded.context_length}",
                hint="shorten it: nothing is cut off silently",
            )
        return ids

    def _own(self, sampling: Sampling) -> Sampling:
        """The model's own settings where none are given: of generation_config.json, else the likeliest token."""
        return sampling if sampling.temperature is not None else sampling.model_copy(update=self._defaults)

    @functools.cached_property
    def _defaults(self) -> dict[str, Any]:
        path = self._loaded.folder / "generation_config.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            if not isinstance(found, dict) or not found.get("do_sample"):
                return {"temperature": 0.0, "top_p": 1.0, "top_k": 0}
            # 1, 1 and 50 are what transformers samples with where the file leaves them out.
            wanted = {"temperature": found.get("temperature", 1.0), "top_p": found.get("top_p", 1.0)}
            return Sampling(**wanted, top_k=found.get("top_k", 50) or 0).model_dump(include={"top_k", *wanted})
        except (OSError, ValueError) as err:
            raise DataError(f"{path}: not generation settings: {err}") from err

    def _limit(self, ids: TokenIds, sampling: Sampling) -> int:
        """Most new tokens."""
        room = self._loaded.context_length - len(ids)
        if sampling.max_tokens is None and room > 0:
            return room
        if sampling.shrink and 0 < room < (sampling.max_tokens or 0):
            return room
        if sampling.max_tokens is None or sampling.max_tokens > room:
            raise DataError(
                f"the prompt has {len(ids)} tokens and the answer may have {sampling.max_tokens or 1}, "
                f"the model's context holds {self._loaded.context_length}",
                hint="shorten the prompt, or ask for fewer tokens",
            )
        return sampling.max_tokens

    def _normalized(self, text: str) -> str:
        from lontar.text import normalize

        return normalize(text, self._loaded.normalization)

    def _normalized_part(self, text: str) -> str:
        """A part of a text; the space around it is part of it."""
        core = text.strip()
        before, _, after = text.partition(core) if core else (text, "", "")
        return before + self._normalized(core) + after


def _engine(loaded: LoadedModel) -> Engine:
    ids = loaded.tokenizer.get_vocab(with_added_tokens=True).values()
    return Engine(
        model=loaded.model,
        device=loaded.model.device,
        pieces=Pieces(loaded.tokenizer),
        ends=frozenset(loaded.eos_ids),
        vocabulary=min(max(ids) + 1, loaded.model.get_output_embeddings().weight.shape[0]),
    )


def _digest(folder: Path) -> str:
    """Content digest of an artifact, or of any other folder as if it were one."""
    if (folder / FILENAME).is_file():
        return Artifact.open(folder).digest
    files = {
        name: FileEntry(bytes=(folder / name).stat().st_size, sha256=sha256_file(folder / name))
        for name in payload_files(folder)
    }
    return content_digest(files)
