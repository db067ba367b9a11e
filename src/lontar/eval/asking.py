"""Everything that an evaluation asks of one model, through one queue: all tasks, languages, samples, runs and turns.

A back-end that batches by itself gets fixed pieces of `PIECE` samples, so that what it computes depends on the samples
alone; any other is asked by as many workers as its policy allows. Questions keep the order of tasks and of their
prompts, so that what begins alike is asked one after the other and a server's prefix cache serves it. A part is handed
on as soon as it is complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, cast

from lontar.backends import Prompt, Sampling
from lontar.backends.base import prompt_text
from lontar.backends.drive import Failed, all_of
from lontar.core.config import made
from lontar.core.records import Message
from lontar.errors import CapabilityError
from lontar.eval.parts import Part
from lontar.eval.task import Task
from lontar.eval.voice import Reply, Voice
from lontar.scoring import Likelihood, Prediction, Sample

PIECE = 64

Answer: TypeAlias = Prediction | Failed
Answers: TypeAlias = dict[tuple[str, int], Answer]
"""by sample and run"""
Finish = Callable[[Part, Answers], None]
OnDone = Callable[[Answer], None]


class Judge(Protocol):
    """Puts questions about an answer to another model."""

    async def judged(self, part: Part, sample: Sample, prediction: Prediction, /) -> Answer:
        """The prediction with what the judge says of it."""


@dataclass(frozen=True)
class Manner:
    """How a model is asked, besides what the task says."""

    seed: int = 0
    temperature: float | None = None
    """instead of the task's own; none: as the task says"""
    thinking_tokens: int = 0
    """for thinking, on top of the tokens that an answer may have"""
    max_tokens: int | None = None
    """at most so many tokens per answer, thinking apart"""

    def samplings(self, task: Task, runs: int) -> list[Sampling]:
        """One for each run; they differ in their seed where there is something to draw."""
        # A budget is a bound: a small model answers with what room its context has, and `finish` says so.
        own = task.sampling.model_copy(update={"shrink": True})
        if self.max_tokens is not None and (own.max_tokens is None or own.max_tokens > self.max_tokens):
            own = own.model_copy(update={"max_tokens": self.max_tokens})
        if self.temperature is not None:
            own = own.model_copy(update={"temperature": self.temperature})
        if self.thinking_tokens and own.max_tokens is not None:
            own = own.model_copy(update={"max_tokens": own.max_tokens + self.thinking_tokens})
        if own.temperature == 0 or own.seed is not None:
            return [own] * runs
        return [own.model_copy(update={"seed": self.seed + run}) for run in range(runs)]


@dataclass
class Asker:
    """A model, how to ask it, and who judges its answers."""

    voice: Voice
    manner: Manner = field(default_factory=Manner)
    judge: Judge | None = None
    on_done: OnDone = field(default=lambda answer: None)

    async def ask(self, parts: Sequence[Part], known: Mapping[str, Answers], finish: Finish) -> None:
        """Ask all parts; `finish` gets each one as it becomes complete.

        Args:
            parts: what to ask.
            known: by name of the part, what was answered before.
            finish: called with the part and all its answers, failures among them.

        Raises:
            CapabilityError: the model cannot do what a task needs; BackendError: see `Driver.call`.
        """
        queued = []
        for part in parts:
            if not (self.voice.batches if part.task.output == "text" else self.voice.scores_batches) or part.label:
                queued.append(part)
                continue
            with _naming(part.task):
                finish(part, await self._batched(part, known.get(part.name, {})))
        await _Queue(self, queued, known, finish).work()

    # --- a back-end that batches by itself

    async def _batched(self, part: Part, known: Answers) -> Answers:
        found: Answers = dict(known)
        for run in range(part.runs):
            sampling = self.manner.samplings(part.task, part.runs)[run]
            missing = [sample for sample in part.samples if (sample.id, run) not in known]
            for begin in range(0, len(missing), PIECE):
                piece = missing[begin : begin + PIECE]
                if part.task.output == "text":
                    answers = await (self._phases if part.tag else self._texts)(part, piece, sampling)
                else:
                    answers = await self._likelihoods(part, piece)
                if self.judge is not None and part.judged:
                    answers = await self._judged(part, piece, answers)
                for sample, answer in zip(piece, answers, strict=True):
                    found[sample.id, run] = answer
                    self.on_done(answer)
        return found

    async def _texts(self, part: Part, samples: Sequence[Sample], sampling: Sampling) -> list[Answer]:
        replies: list[list[Reply]] = [[] for _ in samples]
        failed: dict[int, Failed] = {}
        for turn in range(max((len(sample.turns) for sample in samples), default=0)):
            asked = [i for i, s in enumerate(samples) if turn < len(s.turns) and i not in failed]
            prompts = [prompt_of(samples[i], replies[i]) for i in asked]
            for i, reply in zip(asked, await self.voice.many(prompts, sampling), strict=True):
                if isinstance(reply, Failed):
                    failed[i] = reply
                else:
                    replies[i].append(reply)
        return [failed[i] if i in failed else prediction_of(replies[i]) for i in range(len(samples))]

    async def _phases(self, part: Part, samples: Sequence[Sample], sampling: Sampling) -> list[Answer]:
        """As `_two_phases`, for many at once."""
        tag, prompts = part.tag, [str(sample.turns[0]) for sample in samples]
        firsts = await self.voice.many(prompts, sampling.model_copy(update={"stop": (tag,)}))
        done: list[Answer] = [r if isinstance(r, Failed) else prediction_of([r]) for r in firsts]
        by_budget: dict[int | None, list[int]] = {}
        for i, reply in enumerate(firsts):
            if isinstance(reply, Reply) and reply.matched == tag:
                left = None if sampling.max_tokens is None else sampling.max_tokens - reply.tokens_out
                firsts[i] = tagged = replace(reply, text=reply.text + tag)
                done[i] = prediction_of([replace(tagged, finish="length")])
                if left is None or left > 0:
                    by_budget.setdefault(left, []).append(i)
        for left, rows in by_budget.items():
            begun = [prompts[i] + cast(Reply, firsts[i]).text for i in rows]
            seconds = await self.voice.many(begun, sampling.model_copy(update={"max_tokens": left}))
            for i, second in zip(rows, seconds, strict=True):
                both = (
                    second
                    if isinstance(second, Failed)
                    else prediction_of([cast(Reply, firsts[i]), second], joined=True)
                )
                done[i] = both
        return done

    async def _likelihoods(self, part: Part, samples: Sequence[Sample]) -> list[Answer]:
        texts = [compared_texts(part.task, sample) for sample in samples]
        pairs = [(s.turns[-1], text) for s, listed in zip(samples, texts, strict=True) for text in listed]
        found = iter(await self.voice.likelihoods(pairs))
        answers = [likelihood_prediction([next(found) for _ in listed]) for listed in texts]
        for answer in answers:
            self.voice.driver.count(answer)
        return answers

    async def _judged(self, part: Part, samples: Sequence[Sample], answers: Sequence[Answer]) -> list[Answer]:
        done: list[Answer] = list(answers)

        async def one(i: int, prediction: Prediction) -> None:
            done[i] = await cast(Judge, self.judge).judged(part, samples[i], prediction)

        await all_of(one(i, answer) for i, answer in enumerate(answers) if isinstance(answer, Prediction))
        return done

    # --- one sample, of any other back-end

    async def answers(self, part: Part, sample: Sample, runs: Sequence[int]) -> list[Answer]:
        """Answers to one sample, one per run."""
        if part.task.output == "label":
            answer = await self._label(part, sample)
            return [answer] * len(runs)
        if part.task.output != "text":
            texts = compared_texts(part.task, sample)
            answer = await self._compared(sample, texts)
            self.voice.driver.count(answer)
            return [answer] * len(runs)
        samplings = [self.manner.samplings(part.task, part.runs)[run] for run in runs]
        if len(sample.turns) > 1:
            return [await self._conversation(sample, sampling) for sampling in samplings]
        if part.tag:
            return [await self._two_phases(part, sample, sampling) for sampling in samplings]
        found = await self.voice.replies(sample.turns[0], samplings)
        return [reply if isinstance(reply, Failed) else prediction_of([reply]) for reply in found]

    async def _compared(self, sample: Sample, texts: Sequence[str]) -> Answer:
        found: list[Likelihood | Failed] = []
        for text in texts:
            found.append(await self.voice.scores(sample.turns[-1], text))
            if isinstance(found[-1], Failed):
                break
        return likelihood_prediction(found)

    async def _conversation(self, sample: Sample, sampling: Sampling) -> Answer:
        replies: list[Reply] = []
        for _ in sample.turns:
            reply = (await self.voice.replies(prompt_of(sample, replies), [sampling]))[0]
            if isinstance(reply, Failed):
                return reply
            replies.append(reply)
        return prediction_of(replies)

    async def _two_phases(self, part: Part, sample: Sample, sampling: Sampling) -> Answer:
        """A base model writes up to the answer tag, then goes on from there with what is left of its budget."""
        prompt, tag = str(sample.turns[0]), part.tag
        free = sampling.model_copy(update={"stop": ()})
        first = (await self.voice.replies(prompt, [free], until=tag))[0]
        if isinstance(first, Failed):
            return first
        left = None if sampling.max_tokens is None else sampling.max_tokens - first.tokens_out
        if first.matched != tag:
            return prediction_of([first])
        if left is not None and left <= 0:
            return prediction_of([replace(first, finish="length")])
        rest = sampling.model_copy(update={"max_tokens": left})
        second = (await self.voice.replies(prompt + first.text, [rest]))[0]
        return second if isinstance(second, Failed) else prediction_of([first, second], joined=True)

    async def _label(self, part: Part, sample: Sample) -> Answer:
        """The likelihood of the label after what the model writes up to the answer tag."""
        sampling = self.manner.samplings(part.task, 1)[0].model_copy(update={"stop": ()})
        prompt, tag = sample.turns[0], str(sample.facts.get("answer_tag") or "")
        first = (await self.voice.replies(prompt, [sampling], until=tag))[0] if tag else Reply("")
        if isinstance(first, Failed):
            return first
        if tag and first.matched != tag:
            made = prediction_of([first])
            return made.model_copy(update={"reason": "the answer tag was not written, so no label was scored"})
        label = f"{sample.facts.get('separator', ' ')}{sample.references[0] if sample.references else ''}"
        if isinstance(prompt, str):
            found = await self.voice.scores(prompt + first.text, label)
        else:
            found = await self.voice.scores(prompt, first.text + label, behind=len(first.text))
        self.voice.driver.count(found)  # the text before it counts where it is asked
        if isinstance(found, Failed):
            return found
        return prediction_of([first]).model_copy(update={"likelihoods": (found,)})


class _Queue:
    """Questions to a back-end that answers one at a time: all parts, with as many workers as its policy allows."""

    def __init__(self, asker: Asker, parts: Sequence[Part], known: Mapping[str, Answers], finish: Finish) -> None:
        self._asker, self._parts, self._finish = asker, parts, finish
        self._found: dict[str, Answers] = {part.name: dict(known.get(part.name, {})) for part in parts}
        self._left = {part.name: len(part.samples) * part.runs - len(self._found[part.name]) for part in parts}
        self._questions = self._in_order()
        self._judging: list[asyncio.Task[None]] = []

    async def work(self) -> None:
        """Ask everything."""
        for part in self._parts:
            if not self._left[part.name]:
                self._finish(part, self._found.pop(part.name))
        try:
            await all_of(self._worker() for _ in range(max(1, self._asker.voice.driver.policy.concurrency)))
            await asyncio.gather(*self._judging)
        finally:
            for task in self._judging:
                task.cancel()
            await asyncio.gather(*self._judging, return_exceptions=True)

    def _in_order(self) -> Iterator[tuple[Part, Sample, list[int]]]:
        for part in self._parts:
            done = self._found.get(part.name)
            if done is None:
                continue
            # What begins alike stands together: the prompts of one passage, one set of examples.
            for sample in sorted(part.samples, key=_begin):
                missing = [run for run in range(part.runs) if (sample.id, run) not in done]
                if missing:
                    yield part, sample, missing

    async def _worker(self) -> None:
        # All workers share one iterator: the next free worker takes the next question.
        for part, sample, runs in self._questions:
            for task in self._judging:
                if task.done():
                    task.result()  # what befalls every request to the judge is known at once, not at the end
            self._judging = [task for task in self._judging if not task.done()]
            with _naming(part.task):
                answers = await self._asker.answers(part, sample, runs)
            for run, answer in zip(runs, answers, strict=True):
                if self._asker.judge is not None and part.judged and isinstance(answer, Prediction):
                    # Judges have a queue of their own: the model is not kept waiting for them.
                    self._judging.append(asyncio.create_task(self._judge(part, sample, run, answer)))
                else:
                    self._keep(part, sample, run, answer)

    async def _judge(self, part: Part, sample: Sample, run: int, prediction: Prediction) -> None:
        self._keep(part, sample, run, await cast(Judge, self._asker.judge).judged(part, sample, prediction))

    def _keep(self, part: Part, sample: Sample, run: int, answer: Answer) -> None:
        self._found[part.name][sample.id, run] = answer
        self._left[part.name] -= 1
        self._asker.on_done(answer)
        if not self._left[part.name]:
            self._finish(part, self._found.pop(part.name))


def prompt_of(sample: Sample, replies: Sequence[Reply]) -> Prompt:
    """The prompt of the next turn: a chat carries its former turns and their answers, plain text stands alone."""
    turn = sample.turns[len(replies)]
    if isinstance(turn, str) or not replies:
        return turn
    history: list[Message] = []
    for former, reply in zip(sample.turns, replies, strict=False):
        history += [*cast(Any, former), Message(role="assistant", content=reply.text)]
    return (*history, *turn)


def prediction_of(replies: Sequence[Reply], *, joined: bool = False) -> Prediction:
    """Replies to all turns as one prediction; `joined` ones are one text."""
    if len(replies) == 1:
        return _single(replies[0])
    texts = tuple(reply.text for reply in replies)
    thinking = tuple(reply.thinking for reply in replies) if any(reply.thinking for reply in replies) else ()
    finish = tuple(reply.finish for reply in replies)
    return made(
        Prediction,
        {
            "texts": ("".join(texts),) if joined else texts,
            "thinking": thinking,
            "finish": finish[-1:] if joined else finish,
            "judgements": (),
            "answer": None,
            "likelihoods": (),
            "reason": None,
            "tokens_in": sum(reply.tokens_in for reply in replies),
            "tokens_out": sum(reply.tokens_out for reply in replies),
            "tokens_thinking": sum(reply.tokens_thinking for reply in replies),
            "seconds": round(sum(reply.seconds for reply in replies), 3),
        },
    )


def _single(reply: Reply) -> Prediction:
    """As `prediction_of` for one reply, which nearly all samples have: a third of the time."""
    return made(
        Prediction,
        {
            "texts": (reply.text,),
            "thinking": (reply.thinking,) if reply.thinking else (),
            "finish": (reply.finish,),
            "judgements": (),
            "answer": None,
            "likelihoods": (),
            "reason": None,
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "tokens_thinking": reply.tokens_thinking,
            "seconds": round(reply.seconds, 3),
        },
    )


def compared_texts(task: Task, sample: Sample) -> tuple[str, ...]:
    """The texts whose likelihood tells the answer: every choice, or the reference."""
    return sample.choices if task.output == "choices" else sample.references[:1]


def likelihood_prediction(found: Sequence[Likelihood | Failed]) -> Answer:
    """Likelihoods as a prediction; the first failure when there is one."""
    for item in found:
        if isinstance(item, Failed):
            return item
    listed = cast("tuple[Likelihood, ...]", tuple(found))
    return Prediction(likelihoods=listed, tokens_in=sum(item.n_tokens for item in listed))


def _begin(sample: Sample) -> str:
    turn = sample.turns[0]
    return turn if isinstance(turn, str) else "\n".join(message.content for message in turn) or prompt_text(turn)


class _naming:  # noqa: N801 - a context manager that reads like a function
    """Name the task in an error about what a back-end cannot do."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CapabilityError):
            hint = error.hint
            if self._task.source.pack and "chat template" in error.message:
                hint = "for a base model: base_model=true asks in plain text, with examples"
            raise CapabilityError(f"task {self._task.name!r}: {error.message}", hint=hint) from error
