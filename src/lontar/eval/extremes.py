"""The best and the worst that could have been answered: what failed requests leave open; contract tests use it too."""

from __future__ import annotations

from lontar.eval.task import Task
from lontar.scoring import Likelihood, Prediction, Sample

_LIKELY, _UNLIKELY = Likelihood(logprob=-1.0, n_tokens=1), Likelihood(logprob=-1e6, n_tokens=1)


def perfect(task: Task, sample: Sample) -> Prediction:
    """A prediction that no other can beat; for likelihoods of text, probability 1."""
    if task.output == "text":
        return Prediction(texts=(sample.references[0] if sample.references else "",))
    if task.output == "likelihood":
        return Prediction(likelihoods=(Likelihood(logprob=0.0, n_tokens=1),))
    return _preferring(sample, right=True)


def nothing(task: Task, sample: Sample) -> Prediction | None:
    """The emptiest prediction, None where there is no worst one: likelihoods of text have no limit."""
    if task.output == "text":
        return Prediction(texts=("",))
    return None if task.output == "likelihood" else _preferring(sample, right=False)


def _preferring(sample: Sample, *, right: bool) -> Prediction:
    answer = sample.facts.get("answer")
    likely = [(number == answer) == right for number in range(len(sample.choices))]
    return Prediction(likelihoods=tuple(_LIKELY if flag else _UNLIKELY for flag in likely))
