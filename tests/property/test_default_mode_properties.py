"""Default-mode scoring on anything: it never fails, and finds what stands after a tag whatever is around it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages
from lontar.scoring import Prediction, RowScore, Sample, extractor, scorer
from lontar.scoring.tagged import composed, digits, find_label, form, visible, why

PARTS = [
    *("Jawaban:", "Jawaban：", "คำตอบ:", "<think>", "</think>", "\\boxed{", "}", "(", ")", "**", '"', ",", ".", "\n\n"),
    *(
        "A",
        "B",
        "a",
        "ก",
        "က",
        "ာ",
        "๑",
        "၁",
        "Ya",
        "Tidak",
        "bukan",
        "atau",
        "\u200b",
        "\u0301",
        "\ud800",
        "\0",
        " ",
        "</",
    ),
]
HOSTILE = st.one_of(st.lists(st.sampled_from(PARTS), max_size=25).map("".join), st.text(st.characters(), max_size=60))
LABELS = st.lists(
    st.one_of(st.sampled_from(["A", "B", "Ya", "Tidak", "ก", "က", "1", "", "(", "a b"]), HOSTILE), max_size=5
)

SCORERS = ["label_match", "label_match_by_phenomenon", "token_f1", "rouge_l", "set_recall", "instructions"]
SCORERS += ["math_equal", "label_probability", "official_row"]


def sample_of(labels: list[str], tag: str, lang: str = "id", **facts: Any) -> Sample:
    references = tuple(labels[:1])
    return Sample.model_construct(
        id="1",
        lang=lang,
        turns=("",),
        references=references,
        choices=(),
        group="",
        facts={"labels": labels, "answer_tag": tag, **facts},
    )


@given(text=HOSTILE, labels=LABELS, tag=st.one_of(st.sampled_from(["Jawaban:", "คำตอบ:", "", ":"]), HOSTILE))
def test_extraction_never_fails_and_gives_labels_or_reasons(text: str, labels: list[str], tag: str) -> None:
    sample = sample_of(labels, tag)
    found = find_label(text, sample)
    assert (found.label is None) == bool(found.why)
    assert found.label is None or found.label in labels
    for name in ("label", "tagged_text", "spoken", "between_tags"):
        answer = extractor.get(name).function(text, sample, languages.get("id"))
        assert answer is None or isinstance(answer, str)
    assert isinstance(why(text, sample), str)


@given(
    label=st.sampled_from("ABCD"),
    before=st.sampled_from(["", " ", "(", '"', "**", "\u200b", "\\boxed{", "[", "- ", "\n", "“"]),
    after=st.sampled_from(["", ".", ")", '"', "**", "}", "]", "။", "，", "。", ": ikan", "\nSebab hujan."]),
    lead=st.sampled_from(["", "<think>Jawaban: C</think>", "Jawaban: D\n", "Hujan. "]),
    colon=st.sampled_from([":", "："]),
)
def test_a_label_is_found_whatever_is_around_it(label: str, before: str, after: str, lead: str, colon: str) -> None:
    text = f"{lead}Jawaban{colon}{before}{label}{after}"
    assert find_label(text, sample_of([*"ABCD"], "Jawaban:")).label == label


@pytest.mark.parametrize("name", SCORERS)
@given(
    text=HOSTILE, labels=LABELS, lang=st.sampled_from(["id", "th", "my"]), row=st.sampled_from([{}, None, {"label": 1}])
)
def test_scorers_never_fail(name: str, text: str, labels: list[str], lang: str, row: Any) -> None:
    sample = sample_of(labels, "Jawaban:", lang, row=row, strata=["x"], family="longproc_countdown", task="own")
    prediction = Prediction.model_construct(
        texts=(text,), answer=text, reason=None, likelihoods=(), judgements=(), thinking=(), finish=()
    )
    made = scorer.get(name).function(sample, prediction, languages.get(lang))
    assert isinstance(made, RowScore)
    assert made.reason if made.value is None else math.isfinite(made.value) and 0 <= made.value <= 1


@given(text=HOSTILE)
def test_forms_are_fixed_points(text: str) -> None:
    assert form(form(text)) == form(text)
    assert composed(composed(text)) == composed(text)
    assert digits(digits(text)) == digits(text)
    assert visible(text) is None or isinstance(visible(text), str)
