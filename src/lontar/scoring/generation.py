"""Scorers that compare an answer with references."""

from __future__ import annotations

from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.text import ascii_digits, normalize


@scorer("exact_match")
def exact_match(
    sample: Sample, prediction: Prediction, lang: Language, /, *, digits: bool = True, case: bool = False
) -> RowScore:
    """1 when the answer equals a reference: composed (NFC), runs of space as one, digits of any script as 0-9."""
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    answer = comparable(prediction.answer, digits=digits, case=case)
    found = any(answer == comparable(reference, digits=digits, case=case) for reference in sample.references)
    return RowScore(value=float(found))


def comparable(text: str, *, digits: bool = True, case: bool = False) -> str:
    """The form in which answers are compared.

    Args:
        text: an answer or a reference.
        digits: write the decimal digits of every script as 0-9.
        case: keep upper and lower case apart.
    """
    composed = " ".join(normalize(text, ["nfc"]).split())
    if digits:
        composed = ascii_digits(composed)
    return composed if case else composed.casefold()
