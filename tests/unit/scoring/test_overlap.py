from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages
from lontar.scoring import Prediction, RowScore, Sample, scorer
from lontar.scoring.official import Case, score
from lontar.scoring.overlap import bag_f1, lcs, lcs_f1, words_of

PLAIN = st.lists(st.sampled_from("ikan pasar pagi hujan dan di rumah".split()), max_size=12).map(" ".join)


def scored(name: str, answer: str | None, *references: str, lang: str = "id", **knobs: Any) -> RowScore:
    sample = Sample(id="1", lang=lang, references=references)
    made = scorer.get(name).function(sample, Prediction(answer=answer), languages.get(lang), **knobs)
    assert isinstance(made, RowScore)
    return made


def plainly(a: list[str], b: list[str]) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@given(st.lists(st.sampled_from("abcd"), max_size=150), st.lists(st.sampled_from("abcde"), max_size=150))
def test_lcs_equals_a_plain_dynamic_program(a: list[str], b: list[str]) -> None:
    assert lcs(a, b) == plainly(a, b) == lcs(b, a)
    assert 0 <= lcs_f1(a, b) <= bag_f1(a, b) <= 1, "order can only take away"


@pytest.mark.parametrize("lang", ["id", "vi", "ms", "tl"])
@given(answer=PLAIN, references=st.lists(PLAIN.filter(bool), min_size=1, max_size=3))
def test_token_f1_equals_the_official_one_on_plain_text(lang: str, answer: str, references: list[str]) -> None:
    rows = [{"id": 1, "label": references, "responses": [f"Jawaban: {answer}"]}]
    theirs = score("qa_f1", Case(task="own", lang=lang, rows=rows, answer_tag="Jawaban:")).metrics["f1"]
    if answer:  # of nothing the official code takes the whole response, its tag included
        assert 100 * (scored("token_f1", answer, *references, lang=lang).value or 0) == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("lang", "text", "word"),
    [
        ("th", "แม่ซื้อปลาที่ตลาด", "ปลา"),
        ("lo", "ແມ່ຊື້ປາຢູ່ຕະຫຼາດ", "ປາ"),
        ("km", "ម្តាយទិញត្រីនៅផ្សារ", "ត្រី"),
        ("my", "အမေက ငါးကို ဈေးမှာ ဝယ်တယ်", "ငါး"),
    ],
)
def test_words_of_scripts_without_spaces(lang: str, text: str, word: str) -> None:
    words = words_of(text, languages.get(lang))
    assert word in words and len(words) >= 4
    value = scored("token_f1", word, text, lang=lang).value
    assert value == pytest.approx(2 / (1 + len(words)))
    assert scored("rouge_l", text, text, lang=lang).value == 1
    assert 0 < (scored("rouge_l", word, text, lang=lang).value or 0) < 1


def test_form_does_not_count() -> None:
    assert scored("token_f1", "«Pasar», ikan!", "pasar ikan").value == 1
    assert scored("token_f1", "๑๒ ตลาด", "12 ตลาด", lang="th").value == 1
    assert scored("token_f1", "Ch\u01a1\u0323 ca\u0301", "chợ cá", lang="vi").value == 1
    assert scored("token_f1", "ikan", "daging", "ikan").value == 1, "the best reference counts"


def test_rouge_l_follows_order() -> None:
    assert scored("rouge_l", "pasar ikan pagi", "pasar ikan pagi").value == 1
    assert scored("rouge_l", "pagi ikan pasar", "pasar ikan pagi").value == pytest.approx(1 / 3)
    assert scored("rouge_l", "hujan", "pasar").value == 0
    assert scored("rouge_l", "", "pasar").value == 0 and scored("rouge_l", "", "").value == 1


@pytest.mark.parametrize("name", ["token_f1", "rouge_l", "set_recall"])
def test_nothing_to_compare(name: str) -> None:
    assert scored(name, None, "x") == RowScore(value=None, reason="no answer")
    assert scored(name, "x") == RowScore(value=None, reason="no reference to compare with")


def test_set_recall() -> None:
    assert scored("set_recall", "12, ๓๔。\n'ikan'", "12", "34。", "ikan").value == 1
    assert scored("set_recall", "12, 35", "12", "34").value == 0
    assert scored("set_recall", "12, 35", "12", "34", strict=False).value == 0.5


@pytest.mark.parametrize("unit", ["a", "\ud800", "\0", "ก", "๑", "\n", ", ", "a b ", "\u0301\u0323", "a\u0301"])
@pytest.mark.parametrize("name", ["token_f1", "rouge_l", "set_recall"])
def test_long_answers(name: str, unit: str) -> None:
    answer = unit * (2_000_000 // len(unit))
    start = time.perf_counter()
    assert scored(name, answer, "ikan pasar", answer[:1000], lang="th").value is not None
    assert time.perf_counter() - start < 30
