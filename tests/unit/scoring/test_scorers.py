from __future__ import annotations

import math
from typing import Any

import pytest

from lontar import languages
from lontar.core.records import Message
from lontar.scoring import Likelihood, Prediction, RowScore, Sample, aggregate, extractor, scorer


def scored(name: str, sample: Sample, prediction: Prediction, lang: str = "th", **knobs: Any) -> RowScore:
    row = scorer.get(name).function(sample, prediction, languages.get(lang), **knobs)
    assert isinstance(row, RowScore)
    return row


def likelihoods(*pairs: tuple[float, int]) -> Prediction:
    return Prediction(likelihoods=tuple(Likelihood(logprob=lp, n_tokens=n) for lp, n in pairs))


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("๒๕๖๘", "2568", 1.0),
        ("၁၂", "12", 1.0),
        ("cafe\u0301  latte", "Café latte", 1.0),
        ("tiếng  Việt", "Tiếng Việt".replace("ế", "e\u0302\u0301"), 1.0),
        ("2567", "2568", 0.0),
        ("", "x", 0.0),
    ],
)
def test_exact_match(answer: str, reference: str, value: float) -> None:
    assert (
        scored("exact_match", Sample(id="1", lang="th", references=(reference,)), Prediction(answer=answer)).value
        == value
    )


def test_exact_match_settings() -> None:
    sample = Sample(id="1", lang="th", references=("no", "๑A"))
    assert scored("exact_match", sample, Prediction(answer="1a")).value == 1
    assert scored("exact_match", sample, Prediction(answer="1A"), digits=False).value == 0
    assert scored("exact_match", sample, Prediction(answer="1a"), case=True).value == 0
    assert scored("exact_match", sample, Prediction(answer=None, reason="cut off")) == RowScore(
        value=None, reason="cut off"
    )
    assert scored("exact_match", Sample(id="1", lang="th"), Prediction(answer="x")).value == 0


def test_bits_per_byte() -> None:
    sample = Sample(id="1", lang="th", references=("กข",))  # 6 bytes
    row = scored("bits_per_byte", sample, likelihoods((-12 * math.log(2), 4)))
    assert row.value == pytest.approx(2.0)
    assert row.statistics == pytest.approx((12.0, 6.0))
    assert scored("bits_per_byte", sample, Prediction()).value is None
    assert scored("bits_per_byte", Sample(id="1", lang="th", references=("",)), likelihoods((-1, 1))).value is None


def test_a_corpus_figure_is_not_the_mean_of_its_rows() -> None:
    rows = [RowScore(value=1.0, statistics=(10, 10)), RowScore(value=4.0, statistics=(4, 1)), RowScore(value=None)]
    assert aggregate.get("ratio").function(rows) == pytest.approx(14 / 11)
    assert aggregate.get("mean").function(rows) == pytest.approx(5 / 3), "no answer is a wrong answer"
    for name in ("mean", "ratio", "corpus_chrf"):
        assert math.isnan(aggregate.get(name).function([]))


def test_choice_by_likelihood() -> None:
    sample = Sample(id="1", lang="th", choices=("a", "bbbb"), facts={"answer": 1})
    assert scored("choice_by_likelihood", sample, likelihoods((-3, 1), (-2, 4))).value == 1
    assert scored("choice_by_likelihood", sample, likelihoods((-3, 1), (-4, 4))).value == 0
    assert scored("choice_by_likelihood", sample, likelihoods((-3, 1), (-4, 4)), normalize="tokens").value == 1
    assert scored("choice_by_likelihood", sample, likelihoods((-3, 4), (-4, 1)), normalize="bytes").value == 1
    assert scored("choice_by_likelihood", sample, likelihoods((-2, 1), (-2, 1))).value == 0.5, "ties share the point"
    assert scored("choice_by_likelihood", sample, likelihoods((-2, 1))).value is None
    wrong = Sample(id="1", lang="th", choices=("a", "b"), facts={"answer": 7})
    assert "does not exist" in str(scored("choice_by_likelihood", wrong, likelihoods((-2, 1), (-1, 1))).reason)


def test_language_share() -> None:
    sample = Sample(id="1", lang="th")
    assert scored("language_share", sample, Prediction(answer="ภาษาไทย 123!")).value == 1
    assert scored("language_share", sample, Prediction(answer="hello")).value == 0
    half = scored("language_share", sample, Prediction(answer="กขคง abcd")).value
    assert half == pytest.approx(0.5)
    assert scored("language_share", sample, Prediction(answer="123 ...")).reason == "no letters in the answer"
    english_for_indonesian = scored(
        "language_share", sample, Prediction(answer="This is an English answer"), "id"
    ).value
    assert english_for_indonesian == 0
    assert scored("language_share", sample, Prediction(answer="Ini jawaban dalam bahasa kita"), "id").value == 1


def test_chrf_without_an_answer_or_a_reference() -> None:
    pytest.importorskip("sacrebleu")
    sample = Sample(id="1", lang="th", references=("กขค",))
    none = scored("chrf", sample, Prediction(answer=None, reason="empty"))
    assert none.value is None and len(none.statistics) == 24
    assert scored("chrf", sample, Prediction(answer="กขค")).value == 100
    assert scored("chrf", Sample(id="1", lang="th"), Prediction(answer="x")).value is None
    both = [none, scored("chrf", sample, Prediction(answer="กขค"))]
    assert 0 < aggregate.get("corpus_chrf").function(both) < 100, "what was not said is missing recall"


def test_extraction() -> None:
    sample, lang = Sample(id="1", lang="th"), languages.get("th")
    whole, first = (extractor.get(name).function for name in ("whole", "first_line"))
    assert (whole("  a\nb ", sample, lang), whole(" \n ", sample, lang)) == ("a\nb", None)
    assert (first("\n  a \nb", sample, lang), first("\n\n", sample, lang)) == ("a", None)


def test_samples_survive_json_with_chats_and_plain_text() -> None:
    chat = (Message(role="user", content="ถาม"),)
    sample = Sample(id="1", lang="th", turns=(chat, "plain", ()), facts={"answer": 1})
    assert Sample.model_validate(sample.model_dump(mode="json")) == sample
