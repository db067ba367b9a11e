"""Answers that a program can check: instructions, mathematics, likelihoods of labels, the official rule for a row."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from lontar import languages
from lontar.errors import LontarError, MissingExtraError
from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.scoring.tagged import composed
from lontar.text import ascii_digits
from lontar.text.langid import known_languages, share_in

# One language in two standards, which no identifier tells apart sentence by sentence.
_SAME = frozenset({"id", "ms"})
_BOXED = re.compile(r"\\boxed\s{0,9}\{([^{}]{0,200})\}")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"-?\d[\d.,]*")
_COUNTS: Mapping[str, Any] = {
    "exactly": lambda n, wanted: n == wanted,
    "at least": lambda n, wanted: n >= wanted,
    "less than": lambda n, wanted: n < wanted,
}
# Characters of an answer whose language is told and whose words are counted; no instruction asks for as many.
MOST_CHARACTERS = 100_000
_WORDS = "length_constraints:number_words"


@scorer("instructions")
def instructions(sample: Sample, prediction: Prediction, lang: Language, /, *, min_share: float = 0.5) -> RowScore:
    """1 when the answer follows its instruction and at least `min_share` of its letters are in the right language.

    Instructions are those of SEA-IFEval. The language is told by our own identifier; Indonesian and Malay pass for each
    other. Words are counted by the language's own segmenter.
    """
    from lontar.scoring.official.ifeval import check

    row = _row(sample)
    metadata, kwargs = _mapping(row.get("metadata")), _composed(_kwargs(row))
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    answer = composed(prediction.answer)
    name = str(metadata.get("subcategory") or "")
    asked = str(kwargs.get("response_language") or "") if metadata.get("category") == "language" else ""
    share = share_of(answer, asked or lang.code)
    if name == "language:response_language":
        return RowScore(value=float(share >= min_share), reason=None if share >= min_share else _other(share))
    try:
        if name == _WORDS and lang.script != "Latin":  # `\w+` ends a word at each Tamil vowel sign
            count = sum(any(char.isalnum() for char in word) for word in lang.words(answer[:MOST_CHARACTERS]))
            followed = bool(_COUNTS[str(kwargs["relation"])](count, float(kwargs["num_words"])))
        else:
            facts = _mapping(sample.facts.get("ifeval"))
            followed = check(name, answer, kwargs, lang.code, facts, language=asked or lang.code)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, re.error) as err:
        return RowScore(value=0.0, reason=f"{name or 'no instruction'} cannot be checked: {type(err).__name__}: {err}")
    if followed and share < min_share:
        return RowScore(value=0.0, reason=_other(share))
    return RowScore(value=float(followed))


def _other(share: float) -> str:
    return f"in another language: {100 * share:.0f} % of the letters are in the right one"


def share_of(text: str, code: str) -> float:
    """Share of a text's letters in a language; 1 where there are none, as in a bare number."""
    text = composed(text[:MOST_CHARACTERS])
    if not any(char.isalpha() for char in text):
        return 1.0
    shares = []
    for one in sorted(_SAME) if code in _SAME else [code]:
        try:
            lang = languages.get(one)
        except LontarError:
            continue
        known = lang.iso639_3 in known_languages()
        shares.append(share_in(text, lang.iso639_3) if known else lang.script_share(text))
    return min(1.0, sum(shares)) if len(shares) < 2 else max(shares)


@scorer("math_equal")
def math_equal(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """1 when the answer is the reference as mathematics, by math-verify; without it, as a number in any digits."""
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    if not sample.references:
        return RowScore(value=None, reason="no reference to compare with")
    gold, answer = (ascii_digits(text) for text in (sample.references[0], prediction.answer[-20_000:]))
    try:
        from lontar.scoring.official.math import is_equal

        # A label such as (1,2) is mathematics to math-verify only between dollar signs.
        return RowScore(
            value=float(
                is_equal(gold, answer) or ("$" not in gold and len(gold) <= 200 and is_equal(f"${gold}$", answer))
            )
        )
    except MissingExtraError:
        equal = _numbers_equal(gold, answer)
        return RowScore(value=float(equal), reason=None if equal else "compared as numbers: math-verify is missing")


def _numbers_equal(gold: str, answer: str) -> bool:
    """Whether the last box, or else the last number, holds the reference, which is a number and nothing else."""
    boxes = _BOXED.findall(answer)
    found = _NUMBER.findall(boxes[-1] if boxes else answer)
    wanted = _value(gold.strip(" $"))
    return wanted is not None and bool(found) and _value(found[-1]) == wanted


def _value(text: str) -> float | None:
    try:
        text = text.rstrip(".,")
        return float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        return None


@scorer("label_probability")
def label_probability(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """The probability of the right label after the answer tag, 0 to 1."""
    if not prediction.likelihoods:
        return RowScore(value=None, reason=prediction.reason or "no likelihood of the label")
    return RowScore(value=math.exp(min(0.0, prediction.likelihoods[0].logprob)))


@scorer("official_row")
def official_row(sample: Sample, prediction: Prediction, lang: Language, /, *, family: str = "") -> RowScore:
    """The official score of the row alone, for families without known defects of their scoring."""
    from lontar.scoring.official import Case, score

    row = _row(sample)
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    case = Case(
        task=str(sample.facts.get("task") or ""),
        lang=lang.code,
        rows=[{**row, "id": sample.id, "responses": [prediction.answer]}],
        answer_tag=str(sample.facts.get("answer_tag") or ""),
    )
    try:
        scored = score(family or str(sample.facts.get("family") or ""), case)
    except LontarError as err:
        return RowScore(value=None, reason=err.message)
    except Exception as err:  # noqa: BLE001 - one row that breaks a checker is one row without a score
        return RowScore(value=None, reason=f"the checker fails: {type(err).__name__}: {err}")
    given = scored.rows[0].get("individual_scores") if scored.rows else None
    value = next(iter(given.values()), None) if isinstance(given, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return RowScore(value=None, reason=(scored.problems or ["no score"])[0])
    return RowScore(value=float(value), reason=scored.problems[0] if scored.problems else None)


def _row(sample: Sample) -> Mapping[str, Any]:
    return _mapping(sample.facts.get("row"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _composed(value: Any) -> Any:
    """Arguments with their texts in NFC, as the answer is."""
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, Mapping):
        return {key: _composed(one) for key, one in value.items()}
    return [_composed(one) for one in value] if isinstance(value, list | tuple) else value


def _kwargs(row: Mapping[str, Any]) -> dict[str, Any]:
    listed = row.get("kwargs")
    first = listed[0] if isinstance(listed, list) and listed else listed
    return {str(key): value for key, value in _mapping(first).items() if value is not None}
