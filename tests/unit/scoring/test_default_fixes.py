"""Answers that the default mode has misread, or taken quadratic time for."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest

from lontar import languages
from lontar.scoring import Prediction, Sample, extractor, scorer
from lontar.scoring.families import rule_of
from lontar.scoring.tagged import why

ABCD = ("A", "B", "C", "D")


def asked(tag: str, labels: Sequence[str], lang: str = "en", **more: Any) -> Sample:
    return Sample(id="1", lang=lang, facts={"answer_tag": tag, "labels": list(labels)}, **more)


def extracted(rule: str, text: str, sample: Sample) -> str | None:
    found = extractor.get(rule).function(text, sample, languages.get(sample.lang))
    assert found is None or isinstance(found, str)
    return found


def value(name: str, references: Sequence[str], answer: str, lang: str = "en", **facts: Any) -> float | None:
    sample = Sample(id="1", lang=lang, references=tuple(references), facts=facts)
    row = scorer.get(name).function(sample, Prediction(texts=(answer,), answer=answer), languages.get(lang))
    assert row.value is None or isinstance(row.value, float)
    return row.value


@pytest.mark.parametrize(
    ("answer", "tag", "labels", "lang"),
    [
        ("คำตอบ: ไม่สะอาด", "คำตอบ:", ("สะอาด", "เปื้อน"), "th"),
        ("Câu trả lời: Không sạch sẽ", "Câu trả lời:", ("Sạch sẽ", "Bẩn"), "vi"),
        ("Jawaban: Tidak kering", "Jawaban:", ("Kering", "Basah"), "id"),
        ("အဖြေ- မသန့်ပါ", "အဖြေ-", ("သန့်ပါ", "ညစ်ပတ်"), "my"),
        ("Jawaban: Belum kering", "Jawaban:", ("Kering", "Basah"), "id"),
        ("အဖြေ- အခန်းက သန့်ပါဘူး", "အဖြေ-", ("သန့်ပါ", "ညစ်ပတ်"), "my"),
        ("Answer: Clean\nOn second thought:\nAnswer: not clean", "Answer:", ("Clean", "Dirty"), "en"),
        ("Sagot: Hindi tuyo", "Sagot:", ("Tuyo", "Basa"), "tl"),
        ("答案：不干净", "答案：", ("干净", "肮脏"), "zh"),
        ("பதில்: சுத்தம் இல்லை", "பதில்:", ("சுத்தம்", "அழுக்கு"), "ta"),
        ("The room isn't clean", "Answer:", ("Clean", "Dirty"), "en"),
    ],
)
def test_a_label_that_is_denied_is_no_answer(answer: str, tag: str, labels: Sequence[str], lang: str) -> None:
    sample = asked(tag, labels, lang)
    assert extracted("label", answer, sample) is None
    assert "denied" in why(answer, sample)


@pytest.mark.parametrize(
    ("answer", "tag", "labels", "lang", "found"),
    [
        ("Answer: <b>A</b>", "Answer:", ABCD, "en", "A"),
        ("Answer: <B>", "Answer:", ABCD, "en", "B"),
        ("Answer: <b>", "Answer:", ABCD, "en", "B"),
        ("<b>Answer:</b> C", "Answer:", ABCD, "en", "C"),
        ("Answer: <p><b>C</b></p>", "Answer:", ABCD, "en", "C"),
        ("<strong>D</strong>", "Answer:", ABCD, "en", "D"),
        ("答案：（Ａ）", "答案：", ABCD, "zh", "A"),
        ("答案：１", "答案：", ("1", "2"), "zh", "1"),
        ("(A)", "Answer:", ("(A)", "(B)"), "en", "(A)"),
        ("I think (B) is right.", "Answer:", ("(A)", "(B)"), "en", "(B)"),
        ("Answer: (A)", "Answer:", ("(A)", "A"), "en", "(A)"),
        ("Answer: A", "Answer:", ("(A)", "A"), "en", "A"),
        ("Answer: Clean\nAnswer: not clean, dirty", "Answer:", ("Clean", "Dirty"), "en", "Dirty"),
        ("Answer: Clean\nAnswer: not dirty", "Answer:", ("Clean", "Dirty"), "en", "Clean"),
        ("ຄຳຕອບ: B", "ຄໍາຕອບ:", ABCD, "lo", "B"),
        ("ตอบน\u0e4d\u0e49\u0e32: B", "ตอบน้ำ:", ABCD, "th", "B"),
        ("Answer: Ａ", "Answer:", ABCD, "en", "A"),
        ("Answer: _A_", "Answer:", ABCD, "en", "A"),
        ("Answer: \u200cA", "Answer:", ABCD, "en", "A"),
        ("Answer: $\\boxed{\\text{C}}$", "Answer:", ABCD, "en", "C"),
        ("Answer: A", "Answer:", ("(A)", "(B)"), "en", "(A)"),
        ("Answer: (B)", "Answer:", ("(A)", "(B)"), "en", "(B)"),
        ("Answer: 2.5", "Answer:", ("1", "2", "3"), "en", None),
        ("ចម្លើយ: ២", "ចម្លើយ៖", ("1", "2", "3"), "km", "2"),
        ("ຄໍາຕອບ: A\nB?", "ຄຳຕອບ:", ABCD, "lo", "A"),
        ("အဖြေ- ကမ်း", "အဖြေ-", ("က", "ခ"), "my", None),
    ],
)
def test_labels(answer: str, tag: str, labels: Sequence[str], lang: str, found: str | None) -> None:
    assert extracted("label", answer, asked(tag, labels, lang)) == found


@pytest.mark.parametrize("rule", ["label", "tagged_text", "spoken", "between_tags"])
@pytest.mark.parametrize("unit", [" ", "*", "(", "\u0301\u0323", "<", "\\boxed{", "Answer:\n", "A "])
def test_an_answer_that_repeats_itself_takes_no_quadratic_time(rule: str, unit: str) -> None:
    text, sample = "Answer:" + unit * 100_000, asked("Answer:", ABCD, references=("x",))
    start = time.perf_counter()
    extracted(rule, text, sample)
    assert time.perf_counter() - start < 30  # 40 s and more where it is quadratic


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Berikut terjemahannya:\n\nsatu", "satu"),
        ("**Berikut terjemahannya:**\n \n\nsatu", "satu"),
        ("**Terjemahan: satu**", "satu"),
        ("**Terjemahan: satu**\n\nCatatan: **jarang**.", "satu"),
        ("**Terjemahan**: satu **dua** tiga", "satu **dua** tiga"),
    ],
)
def test_texts(answer: str, found: str) -> None:
    assert extracted("tagged_text", answer, asked("Terjemahan:", (), "id", references=("satu",))) == found


def test_sara_am_of_a_tag_before_a_text() -> None:
    for typed in ("น้ำ", "น\u0e4d\u0e49\u0e32", "น\u0e49\u0e4d\u0e32"):
        assert extracted("tagged_text", f"{typed}: ใส", asked("น้ำ:", (), "th", references=("ใส",))) == "ใส"
    assert extracted("tagged_text", "นา: ใส", asked("นำ:", (), "th", references=("x",))) == "นา: ใส"


def test_a_first_line_that_the_reference_has_too_is_kept() -> None:
    sample = asked("Terjemahan:", (), "id", references=("Isinya:\n\n\nikan",))
    assert extracted("tagged_text", "Isi:\n\nikan", sample) == "Isi:\n\nikan"


def test_the_case_of_a_tag_means_nothing() -> None:
    assert extracted("between_tags", "<answer>a</answer>", asked("<Answer>", ())) == "a"
    assert extracted("between_tags", "<ANSWER>-5</ANSWER>", asked("<answer>", ())) == "-5"


@pytest.mark.parametrize(
    ("lang", "reference"),
    [
        ("km", "ខ្ញុំ\u200bទៅ\u200bសាលា"),
        ("my", "သန့\u200bမာ ကျွန်\u1037"),
        ("vi", unicodedata.normalize("NFD", "Chợ gần nhà")),
    ],
)
def test_a_perfect_translation_is_perfect(lang: str, reference: str) -> None:
    pytest.importorskip("sacrebleu")
    answer = extracted("tagged_text", f"T: {reference}", asked("T:", (), lang, references=(reference,)))
    assert answer is not None
    use = scorer.use(rule_of("translation").scorer)
    sample = Sample(id="1", lang=lang, references=(reference,))
    assert use(sample, Prediction(texts=(answer,), answer=answer), languages.get(lang)).value == pytest.approx(100)


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("42", "\\boxed{41} since 42", False),
        ("42", "The answer is 41, not 42", False),
        ("(1,2)", "12", False),
        ("(1,2)", "$\\boxed{(1,2)}$", True),
    ],
)
def test_math(reference: str, answer: str, right: bool) -> None:
    pytest.importorskip("math_verify")
    assert value("math_equal", (reference,), answer) == right


def test_math_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from lontar.errors import MissingExtraError
    from lontar.scoring.official import math as official

    def missing(*_: Any, **__: Any) -> Any:
        raise MissingExtraError("math_verify is not installed")

    monkeypatch.setattr(official, "need", missing)
    assert value("math_equal", ("x+1",), "1+y+1") == 0
    assert value("math_equal", ("42",), "\\boxed{41} since 42") == 0
    assert value("math_equal", ("1000",), "1,000.") == 1


def instructed(lang: str, subcategory: str, kwargs: dict[str, Any], answer: str) -> float | None:
    row = {"metadata": {"subcategory": subcategory}, "kwargs": [kwargs]}
    return value("instructions", (), answer, lang, row=row, ifeval={"word_boundary_languages": ["vi"]})


def test_tamil_words_are_words() -> None:
    text = languages.get("ta").samples[0]
    kwargs = {"num_words": len(text.split()), "relation": "exactly"}
    assert instructed("ta", "length_constraints:number_words", kwargs, text) == 1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_keywords_are_found_in_every_normal_form(form: Any) -> None:
    text = unicodedata.normalize(form, languages.get("vi").samples[0])
    assert instructed("vi", "keywords:existence", {"keywords": ["chợ"]}, text) == 1


@pytest.mark.parametrize("answer", ["1. alfa\n2. beta", "- alfa\n- beta", "๑. alfa\n๒. beta"])
def test_lists_may_have_bullets(answer: str) -> None:
    assert value("set_recall", ("alfa", "beta"), answer) == 1
