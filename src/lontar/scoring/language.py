"""Is the answer in the language that was asked for?

Told by the identifier of `lontar.text`, word by word: an English answer to an Indonesian question scores 0, and one
that begins in Indonesian and goes on in English scores in between. Languages that the identifier does not know, added
by a file of the user, are told by their script alone.
"""

from __future__ import annotations

from lontar.languages import Language
from lontar.scoring.registries import scorer
from lontar.scoring.results import Prediction, RowScore, Sample
from lontar.text.langid import known_languages, share_in


@scorer("language_share")
def language_share(sample: Sample, prediction: Prediction, lang: Language, /) -> RowScore:
    """Share of the answer's letters that are in the asked language, by the identifier of `lontar.text`."""
    answer = prediction.answer
    if answer is None:
        return RowScore(value=None, reason=prediction.reason or "no answer")
    if not any(char.isalpha() for char in answer):
        return RowScore(value=None, reason="no letters in the answer")
    share = share_in(answer, lang.iso639_3) if lang.iso639_3 in known_languages() else lang.script_share(answer)
    return RowScore(value=min(1.0, max(0.0, share)))
