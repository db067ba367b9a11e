"""Scorers that read likelihoods: they need no extraction and work for the smallest base model."""

from __future__ import annotations

import math
from typing import Literal

from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Likelihood, Prediction, RowScore, Sample


@scorer("bits_per_byte")
def bits_per_byte(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """Bits that the model needs per UTF-8 byte of the reference; comparable between tokenizers. Lower is better."""
    size = _bytes(sample.references[0]) if sample.references else 0
    if not prediction.likelihoods or not size:
        return RowScore(value=None, reason="no text to score")
    bits = -prediction.likelihoods[0].logprob / math.log(2)
    return RowScore(value=bits / size, statistics=(bits, float(size)))


@scorer("choice_by_likelihood")
def choice_by_likelihood(
    sample: Sample,
    prediction: Prediction,
    lang: Language,
    /,
    *,
    normalize: Literal["none", "tokens", "bytes"] = "none",
) -> RowScore:
    """1 when the right choice (`facts.answer`) is the likeliest one; equally likely ones share the point."""
    right = sample.facts.get("answer")
    if len(prediction.likelihoods) != len(sample.choices) or not isinstance(right, int):
        return RowScore(value=None, reason="no likelihoods of the choices")
    if not 0 <= right < len(sample.choices):
        return RowScore(value=None, reason=f"choice {right} of {len(sample.choices)} does not exist")
    worth = [
        _per_length(found, choice, normalize)
        for found, choice in zip(prediction.likelihoods, sample.choices, strict=True)
    ]
    best = [i for i, value in enumerate(worth) if value == max(worth)]
    return RowScore(value=1 / len(best) if right in best else 0.0)


def _per_length(found: Likelihood, choice: str, normalize: str) -> float:
    length = {"none": 1, "tokens": found.n_tokens, "bytes": _bytes(choice)}[normalize]
    return found.logprob / max(1, length)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
