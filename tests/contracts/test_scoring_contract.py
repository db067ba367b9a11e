"""Every registered scorer, aggregate and extraction rule: pure, total, deterministic, documented."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from lontar import languages
from lontar.core.registry import Entry
from lontar.languages import Language
from lontar.scoring import Likelihood, Prediction, RowScore, Sample, aggregates, extractors, scorers

ODD = [
    "",
    " ",
    "\x00",
    "\ud800",
    "a" * 5000,
    "\u200b\ufeff\u202e",
    "12.5 ๑๒๓ ၁၂၃ ៣",
    "ក្សាន្តិ ကြောင့် เพราะว่า ເພາະວ່າ",
    "e\u0301e\u0301",
    "\r\n\t\v",
    "👩‍👩‍👧‍👦",
    "\\boxed{",
]


def tried(function: Callable[[], Any]) -> Any:
    """The result of a function; skips where an optional library is missing."""
    from lontar.errors import MissingExtraError

    try:
        return function()
    except MissingExtraError as err:
        pytest.skip(str(err))


def samples() -> list[Sample]:
    return [
        Sample(id="1", lang="th"),
        Sample(id="2", lang="th", references=("กข", "ขค"), group="g"),
        Sample(id="3", lang="th", references=("",)),
        Sample(id="4", lang="th", choices=("a", "b"), references=("a",), facts={"answer": 0}),
        Sample(id="5", lang="th", choices=("a", "b"), facts={"answer": "a"}),
        *(Sample(id=f"odd{i}", lang="th", references=(text,)) for i, text in enumerate(ODD)),
    ]


def predictions() -> list[Prediction]:
    likely = [Likelihood(logprob=-1.0, n_tokens=0), Likelihood(logprob=-1e9, n_tokens=3)]
    return [
        Prediction(),
        Prediction(reason="cut off"),
        Prediction(likelihoods=tuple(likely[:1])),
        Prediction(likelihoods=tuple(likely)),
        *(Prediction(texts=(text,), answer=text) for text in ODD),
    ]


def test_something_is_registered() -> None:
    assert {"exact_match", "chrf", "bits_per_byte", "choice_by_likelihood", "language_share"} <= {
        e.name for e in scorers
    }
    assert {"mean", "ratio", "corpus_chrf"} <= {e.name for e in aggregates}


@pytest.mark.parametrize("entry", [*scorers, *aggregates, *extractors], ids=lambda entry: entry.name)
def test_it_tells_what_it_does(entry: Entry[Any]) -> None:
    assert len(entry.summary) > 10 and entry.summary.endswith(".")
    entry.knobs()  # every setting has a default


@pytest.mark.parametrize("entry", list(scorers), ids=lambda entry: entry.name)
def test_scorers(entry: Entry[Any]) -> None:
    language = languages.get("th")
    for sample in samples():
        for prediction in predictions():
            before = copy.deepcopy((sample, prediction))
            row = tried(lambda s=sample, p=prediction: entry.function(s, p, language))  # type: ignore[misc]
            assert isinstance(row, RowScore)
            assert row.value is None or math.isfinite(row.value)
            assert row.value is not None or row.reason, "no answer has a reason"
            assert all(math.isfinite(number) for number in row.statistics)
            assert entry.function(sample, prediction, language) == row
            assert (sample, prediction) == before
            assert RowScore.model_validate_json(row.model_dump_json()) == row


@pytest.mark.parametrize("entry", list(aggregates), ids=lambda entry: entry.name)
def test_aggregates(entry: Entry[Any]) -> None:
    rows = [
        RowScore(value=0.5, statistics=tuple(float(i) for i in range(24))),
        RowScore(value=None, reason="no answer", statistics=(1.0,) * 24),
        RowScore(value=1.0, statistics=(2.0,) * 24),
    ]
    value = entry.function(rows)
    assert isinstance(value, float) and math.isfinite(value)
    assert entry.function(list(rows)) == value
    assert entry.function(rows[::-1]) == pytest.approx(value), "the order of rows means nothing"
    assert math.isnan(entry.function([])), "nothing to score is no number"
    assert isinstance(entry.function([RowScore(value=None, reason="no answer")]), float)


@pytest.mark.parametrize("entry", list(extractors), ids=lambda entry: entry.name)
@pytest.mark.parametrize("language", languages.all_languages(), ids=lambda language: language.code)
def test_extraction_rules(entry: Entry[Any], language: Language) -> None:
    sample = Sample(id="1", lang=language.code, choices=("A", "B"))
    for text in [*ODD, *language.samples]:
        answer = entry.function(text, sample, language)
        assert answer is None or (isinstance(answer, str) and answer), "no answer is None, never an empty text"
        assert entry.function(text, sample, language) == answer
    assert entry.function("", sample, language) is None
