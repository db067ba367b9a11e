"""Judges: another model is asked about each answer, through a queue and a file of answers of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
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
from lontar.eval.voice import Reply, Voice
from lontar.scoring import Judgement, Prediction, Sample
from lontar.scoring.official.copy import OfficialCopy
from lontar.scoring.official.questions import Question, questions
from lontar.scoring.tagged import without_thinking


@dataclass(frozen=True)
class PackJudge:
    """A judge of official tasks; its prompts are those of the pack's copy."""

    voice: Voice
    copy: OfficialCopy
    seed: int = 0
    max_tokens: int | None = None

    async def judged(self, part: Part, sample: Sample, prediction: Prediction, /) -> Answer:
        """The prediction with the judgements; one that the judge's server refused has no text.

        A row that cannot be judged, as one without criteria, is a failure, and so is one whose judge was out of reach:
        the same command asks again.
        """
        row, task = sample.facts.get("row"), str(sample.facts.get("task"))
        asked = [_last(turn) for turn in sample.turns]
        texts = [without_thinking(text) or "" for text in prediction.texts]
        try:
            put = questions(self.copy, task, part.lang, row if isinstance(row, dict) else {}, asked, texts)
        except DataError as err:
            return Failed(err.message)
        found = await asyncio.gather(*(self._ask(question) for question in put))
        judgements: list[Judgement] = []
        for question, reply in zip(put, found, strict=True):
            if isinstance(reply, Failed) and reply.unavailable:
                return Failed(f"judge: {reply.reason}", reply.attempts, unavailable=True)
            judgements.append(Judgement(id=question.id, text=None if isinstance(reply, Failed) else reply.text))
        return prediction.model_copy(update={"judgements": tuple(judgements)})

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


def _last(turn: Any) -> str:
    """What a turn asks."""
    if isinstance(turn, str):
        return turn
    last: Message = turn[-1]
    return last.content


def open_judge(job: Job, artifact: Artifact, copy: OfficialCopy, config: EvalConfig) -> PackJudge:
    """A judge; whoever opens it closes it, on the event loop that asked it."""
    voice = voice_of(job, open_model(job, artifact, config.backend), artifact, config, name="judgements")
    return PackJudge(voice, copy, job.seed, config.judge_tokens)
