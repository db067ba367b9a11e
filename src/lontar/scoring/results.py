"""What is asked, what came back, and what it is worth.

A row without an answer (`RowScore.value` None, with a reason) is wrong and counts; a row whose request never succeeded
has no RowScore at all: it is `failed`, is never turned into a number, and the score shows the bounds it leaves open.
"""

from __future__ import annotations

from typing import TypeAlias

from pydantic import Field

from lontar.core.config import Config, JsonObject
from lontar.core.manifest import Cost
from lontar.core.records import Messages

Turn: TypeAlias = Messages | str
"""A chat, or plain text that the model goes on with."""


class Sample(Config):
    """One item of a task."""

    id: str
    lang: str
    turns: tuple[Turn, ...] = ("",)
    references: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    group: str = ""
    """items that stand or fall together (one passage, one document): the unit that intervals resample"""
    facts: JsonObject = Field(default_factory=dict)
    """what a scorer needs besides: the index of the right choice, a checker's arguments"""


class Likelihood(Config):
    """How likely one continuation was to a model."""

    logprob: float
    """sum over its tokens, in nats"""
    n_tokens: int = Field(ge=0)
    greedy: bool = False


class Judgement(Config):
    """What a judge wrote of an answer."""

    id: str
    """which question was put to the judge: of the official form, such as `<row>_criteria<i>`"""
    text: str | None = None
    """none: the judge's request never succeeded"""


class Prediction(Config):
    """What a model did with a sample."""

    texts: tuple[str, ...] = ()
    """raw answer to each turn, without what a server's reasoning parser has split off"""
    thinking: tuple[str, ...] = ()
    """what the server gave apart as reasoning, per turn; empty where it gave none"""
    finish: tuple[str, ...] = ()
    """why each turn ended: `stop`, or `length` where the budget of tokens was used up"""
    judgements: tuple[Judgement, ...] = ()
    """of judges, where the task has them"""
    answer: str | None = None
    """what was extracted from the last answer; none: nothing could be"""
    likelihoods: tuple[Likelihood, ...] = ()
    """of each choice, or of the one reference"""
    reason: str | None = None
    """why there is no answer"""
    tokens_in: int = 0
    tokens_out: int = 0
    """all that were written, thinking included"""
    tokens_thinking: int = 0
    seconds: float = 0.0
    """from sending the request to its last token, over all turns"""


class RowScore(Config):
    """What one prediction is worth."""

    value: float | None
    """none: no answer could be extracted"""
    statistics: tuple[float, ...] = ()
    """sums from which an aggregate computes a corpus figure"""
    reason: str | None = None


class Bounds(Config):
    """What a score would be at least and at most, had the failed requests been answered."""

    low: float
    high: float


class Score(Config):
    """A task in one language."""

    task: str
    task_version: int
    lang: str
    n: int
    """scored rows, those without an answer included"""
    groups: int
    nulls: int
    failed: int
    value: float | None
    """none: nothing could be scored"""
    low: float | None
    high: float | None
    bounds: Bounds | None = None
    """given when requests failed and the score has limits"""
    cost: Cost = Cost()
