"""Is the answer in the language that was asked for?

Told by script: exact and instant for Thai, Lao, Burmese, Khmer, Tamil, Chinese. Languages that share a script cannot be
told apart here: an English answer to an Indonesian question scores 1.
"""

from __future__ import annotations

from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Prediction, RowScore, Sample


@scorer("language_share")
def language_share(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """Share of the answer's letters in the script of the asked language; languages of one script are not told apart."""
    answer = prediction.answer
    if answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    if not any(char.isalpha() for char in answer):
        return RowScore(value=None, reason="no letters in the answer")
    return RowScore(value=min(1.0, max(0.0, float(lang.script_share(answer)))))
