"""Judges: another model is asked about each answer, through a queue and a file of answers of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lontar.backends import Sampling
from lontar.backends.base import Closing
from lontar.backends.drive import Failed
from lontar.core.artifact import Artifact
from lontar.core.job import Job
from lontar.core.records import Message
from lontar.errors import DataError
from lontar.eval.answering import open_model, voice_of
from lontar.eval.asking import Answer
from lontar.eval.config import EvalConfig
from lontar.eval.parts import Part
from lontar.eval.plan import criteria_of
from lontar.eval.voice import Reply, Voice
from lontar.scoring import Judgement, Prediction, Sample
from lontar.scoring.judged import own_questions
from lontar.scoring.official.copy import OfficialCopy
from lontar.scoring.official.questions import Question, questions
from lontar.scoring.tagged import without_thinking


@dataclass(frozen=True)
class ModelJudge:
    """A model as a judge: of official tasks by the prompts of the pack's copy, of others by their own."""

    voice: Voice
    copy: OfficialCopy | None = None
    seed: int = 0
    max_tokens: int | None = None

    async def judged(self, part: Part, sample: Sample, prediction: Prediction, /) -> Answer:
        """The prediction with the judgements; one that the judge's server refused has no text.

        A row that cannot be judged, as one without criteria, is a failure, and so is one whose judge was out of reach:
        the same command asks again.
        """
        texts = [without_thinking(text) or "" for text in prediction.texts]
        try:
            put = self._official(part, sample, texts) if part.official else _own(part, sample, texts)
        except DataError as err:
            return Failed(err.message)
        found = await asyncio.gather(*(self._ask(question) for question in put))
        judgements: list[Judgement] = []
        for question, reply in zip(put, found, strict=True):
            if isinstance(reply, Failed) and reply.unavailable:
                return Failed(f"judge: {reply.reason}", reply.attempts, unavailable=True)
            judgements.append(Judgement(id=question.id, text=None if isinstance(reply, Failed) else reply.text))
        return prediction.model_copy(update={"judgements": tuple(judgements)})

    def _official(self, part: Part, sample: Sample, texts: Sequence[str]) -> list[Question]:
        if self.copy is None:
            raise DataError(f"task {part.task.name!r}: no pack with the judge's prompts")
        row, asked = sample.facts.get("row"), [_last(turn) for turn in sample.turns]
        task = str(sample.facts.get("task"))
        return questions(self.copy, task, part.lang, row if isinstance(row, dict) else {}, asked, texts)

    async def aclose(self) -> None:
        """Let go of the model and of the file of answers."""
        if self.voice.cache is not None:
            self.voice.cache.close()
        if isinstance(self.voice.backend, Closing):
            await self.voice.backend.aclose()

    async def _ask(self, question: Question) -> Reply | Failed:
        given = question.settings
        limit = given.get("max_tokens")
        if self.max_tokens is not None:
            limit = min(self.max_tokens, int(limit or self.max_tokens))
        temperature = given.get("temperature")
        sampling = Sampling(max_tokens=limit, temperature=temperature, seed=self.seed, shrink=True)
        return (await self.voice.replies(question.messages, [sampling]))[0]


def _own(part: Part, sample: Sample, texts: Sequence[str]) -> list[Question]:
    spec = part.task.judge
    if spec is None:
        return []
    found = own_questions(spec.prompt, sample, texts[-1] if texts else "", criteria_of(part.task, sample))
    return [replace(question, settings={"max_tokens": spec.max_tokens, "temperature": 0.0}) for question in found]


def _last(turn: Any) -> str:
    """What a turn asks."""
    if isinstance(turn, str):
        return turn
    last: Message = turn[-1]
    return last.content


def open_judge(job: Job, artifact: Artifact, copy: OfficialCopy | None, config: EvalConfig) -> ModelJudge:
    """A judge; whoever opens it closes it, on the event loop that asked it."""
    voice = voice_of(job, open_model(job, artifact, config.backend), artifact, config, name="judgements")
    return ModelJudge(voice, copy, job.seed, config.judge_tokens)
