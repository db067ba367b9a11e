"""Ask a back-end everything a task wants to know; what comes back is a prediction or a failure per sample, in order.

A back-end that batches by itself gets all requests at once; any other is driven with bounded concurrency and retries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from lontar.backends import (
    BatchGenerator,
    BatchScorer,
    Described,
    Generation,
    Generator,
    LikelihoodScorer,
    Prompt,
    Sampling,
    collect,
    require,
)
from lontar.backends.base import Usage, prompt_json
from lontar.backends.cache import Cache, cache_key
from lontar.backends.drive import Failed, Policy, run
from lontar.core.config import JsonObject, JsonValue
from lontar.core.records import Message
from lontar.errors import BackendError, CapabilityError, DataError, UnavailableError
from lontar.eval.task import Task
from lontar.scoring import Likelihood, Prediction, Sample

OnDone = Callable[[Sample], None]


@dataclass(frozen=True)
class Asker:
    """A back-end, how hard to try, and where answers of remote models are kept between attempts."""

    backend: Any
    policy: Policy = Policy()  # noqa: RUF009 - frozen
    cache: Cache | None = None
    seed: int = 0

    async def ask(self, task: Task, samples: Sequence[Sample], on_done: OnDone) -> list[Prediction | Failed]:
        """Predictions of all samples.

        Raises:
            CapabilityError: the back-end cannot do what the task needs; BackendError: see `drive.run`.
        """
        try:
            if task.output == "text":
                return await self._texts(task, samples, on_done)
            return await self._likelihoods(task, samples, on_done)
        except CapabilityError as err:
            raise CapabilityError(f"task {task.name!r}: {err.message}", hint=err.hint) from err

    # --- answers in text

    async def _texts(self, task: Task, samples: Sequence[Sample], on_done: OnDone) -> list[Prediction | Failed]:
        sampling = task.sampling
        if sampling.temperature > 0 and sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": self.seed})
        if isinstance(self.backend, BatchGenerator) and all(len(sample.turns) == 1 for sample in samples):
            found = await self.backend.generate_many([sample.turns[0] for sample in samples], sampling)
            return self._checked([_text_or_failure(item) for item in found], samples, on_done)
        generator = require(self.backend, Generator)

        async def answer(sample: Sample) -> Prediction:
            return await self._conversation(generator, sample, sampling)

        return await run(answer, samples, self.policy, on_done=lambda i, _: on_done(samples[i]))

    async def _conversation(self, generator: Generator, sample: Sample, sampling: Sampling) -> Prediction:
        history: tuple[Message, ...] = ()
        texts: list[str] = []
        usage = Usage()
        for turn in sample.turns:
            prompt: Prompt = turn if isinstance(turn, str) else (*history, *turn)
            answer = await self._generate(generator, prompt, sampling)
            texts.append(answer.text)
            usage = Usage(usage.tokens_in + answer.usage.tokens_in, usage.tokens_out + answer.usage.tokens_out)
            if not isinstance(turn, str):
                history = (*history, *turn, Message(role="assistant", content=answer.text))
        return Prediction(texts=tuple(texts), tokens_in=usage.tokens_in, tokens_out=usage.tokens_out)

    async def _generate(self, generator: Generator, prompt: Prompt, sampling: Sampling) -> Generation:
        async def fresh() -> JsonObject:
            async with aclosing(cast(Any, generator.stream(prompt, sampling))) as stream:
                answer = (await collect(stream))[0]
            used = answer.usage
            return {"text": answer.text, "tokens_in": used.tokens_in, "tokens_out": used.tokens_out}

        request: JsonValue = {"prompt": prompt_json(prompt), "sampling": sampling.model_dump(mode="json")}
        row = await self._cached(request, fresh)
        usage = Usage(int(str(row["tokens_in"])), int(str(row["tokens_out"])))
        return Generation(str(row["text"]), usage=usage)

    # --- likelihoods

    async def _likelihoods(self, task: Task, samples: Sequence[Sample], on_done: OnDone) -> list[Prediction | Failed]:
        texts = [sample.choices if task.output == "choices" else sample.references[:1] for sample in samples]
        if isinstance(self.backend, BatchScorer):
            pairs = [(s.turns[-1], text) for s, listed in zip(samples, texts, strict=True) for text in listed]
            found = iter(await self.backend.score_many(pairs))
            rows = [_likelihoods_or_failure([next(found) for _ in listed]) for listed in texts]
            return self._checked(rows, samples, on_done)
        scorer = require(self.backend, LikelihoodScorer)

        async def score(index: int) -> Prediction:
            likelihoods = [await self._score(scorer, samples[index].turns[-1], text) for text in texts[index]]
            return Prediction(likelihoods=tuple(likelihoods), tokens_in=sum(item.n_tokens for item in likelihoods))

        return await run(score, range(len(samples)), self.policy, on_done=lambda i, _: on_done(samples[i]))

    async def _score(self, scorer: LikelihoodScorer, prompt: Prompt, text: str) -> Likelihood:
        async def fresh() -> JsonObject:
            scores = await scorer.score(prompt, text)
            found = Likelihood(logprob=scores.logprob, n_tokens=scores.n_tokens, greedy=scores.greedy)
            return found.model_dump(mode="json")

        row = await self._cached({"prompt": prompt_json(prompt), "continuation": text}, fresh)
        return Likelihood.model_validate(row)

    async def _cached(self, request: JsonValue, fresh: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        if self.cache is None:
            return await fresh()
        key = cache_key(require(self.backend, Described).describe(), request)
        known = self.cache.get(key)
        if isinstance(known, dict):
            return known
        row = await fresh()
        self.cache.put(key, row)
        return row

    def _checked(
        self, rows: list[Prediction | Failed], samples: Sequence[Sample], on_done: OnDone
    ) -> list[Prediction | Failed]:
        for sample in samples:
            on_done(sample)
        failures = [row.reason for row in rows if isinstance(row, Failed)]
        limit = self.policy.max_failures
        if limit is not None and len(failures) > limit:
            raise BackendError(
                f"{len(failures)} requests failed, max_failures is {limit}: {failures[0]}",
                hint="raise max_failures to go on without them; they are counted and shown",
            )
        return rows


def _failure(error: Exception) -> Failed:
    """A failure of one request as a value; whatever would befall every request is raised."""
    if isinstance(error, DataError | UnavailableError):
        return Failed(str(error))
    raise error


def _text_or_failure(found: Generation | Exception) -> Prediction | Failed:
    if isinstance(found, Exception):
        return _failure(found)
    return Prediction(texts=(found.text,), tokens_in=found.usage.tokens_in, tokens_out=found.usage.tokens_out)


def _likelihoods_or_failure(found: Sequence[Any]) -> Prediction | Failed:
    for item in found:
        if isinstance(item, Exception):
            return _failure(item)
    listed = tuple(Likelihood(logprob=i.logprob, n_tokens=i.n_tokens, greedy=i.greedy) for i in found)
    return Prediction(likelihoods=listed, tokens_in=sum(item.n_tokens for item in listed))
