import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.scoring.official import rouge
from lontar.scoring.official.case import Case

VECTORS = Path(__file__).parents[4].parent / "shared" / "specs" / "sea-helm" / "vectors"
vectors = pytest.mark.skipif(not VECTORS.exists(), reason=f"no SEA-HELM vectors at {VECTORS}")
WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


def table_length(left, right):
    row = [0] * (len(right) + 1)
    for a in left:
        new = [0]
        for j, b in enumerate(right):
            new.append(row[j] + 1 if a == b else max(row[j + 1], new[j]))
        row = new
    return row[-1]


@given(WORDS, WORDS)
def test_common_length_is_that_of_the_table(left, right):
    assert rouge.common_length(left, right) == table_length(left, right)


def test_overlap_of_a_known_pair():
    precision, recall, f1 = rouge.overlap("a b c d".split(), "a c x".split())
    assert (precision, recall) == (2 / 3, 1 / 2)
    assert f1 == pytest.approx(4 / 7)
    assert rouge.overlap([], ["a"]) == rouge.overlap(["a"], []) == (0.0, 0.0, 0.0)


def test_the_bootstrap_of_equal_scores_is_the_score():
    assert rouge.bootstrap_medians([(0.25, 0.5, 0.75)] * 7) == [0.25, 0.5, 0.75]
    assert rouge.bootstrap_medians([]) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("ကောင်း", ["ကောင်း"]),
        ("ပန်းသီး", ["ပန်း", "သီး"]),
        ("ဗုဒ္ဓ", ["ဗု", "ဒ္ဓ"]),  # stacked
        ("ယောက်ျား", ["ယော", "က်ျား"]),  # four code points with an asat stay
        ("ခွင\u1037\u103aပန်", ["ခွင\u103a\u1037", "ပန်"]),  # the dot goes behind the asat
        ("ab ကာ", ["a", "b", "ကာ"]),
        ("", []),
    ],
)
def test_syllables(text, units):
    assert rouge.syllables(text) == units


def test_both_orders_of_dot_and_asat_are_one():
    assert rouge.syllables("ခွင\u1037\u103a") == rouge.syllables("ခွင\u103a\u1037")


@given(st.text())
def test_syllables_lose_no_character(text):
    squeezed = "".join(text.replace("\u200c", " ").replace("\u1037\u103a", "\u103a\u1037").split())
    assert "".join(rouge.syllables(text)) == squeezed


def test_spaced_scripts():
    pytest.importorskip("pyonmttok")
    assert rouge.tokens("Harga beras naik 12,5%\u00a0(Rp9.500)!", "id") == [
        *("harga", "beras", "naik", "12", "5", "rp", "9", "500"),
    ]
    assert rouge.tokens("稻米price", None) == ["稻", "米", "price"]
    assert rouge.tokens("a\u200bb\x00c\ufffd", "vi") == ["abc"]


def test_thai_keeps_spaces_as_tokens():
    pytest.importorskip("pythainlp")
    assert rouge.tokens("ข้าว, ปลา", "th") == rouge.tokens("ข้าว ปลา", "thai") == ["ข้าว", " ", "ปลา"]


@settings(max_examples=60, deadline=None)
@given(st.text(), st.sampled_from(["id", "my", "ta", None]))
def test_tokens_are_total(text, lang):
    pytest.importorskip("pyonmttok")
    found = rouge.tokens(text, lang)
    assert all(token and not token.isspace() for token in found)


def test_a_summary_is_the_line_after_the_tag():
    rows = [
        {"label": "Ayah menanam padi.", "responses": ["Ringkas: ayah menanam padi\nlalu tidur"]},
        {"label": "Ayah menanam padi.", "responses": ["Ringkas:"]},
        {"label": "Ayah menanam padi.", "responses": [None]},
    ]
    pytest.importorskip("pyonmttok")
    scored = rouge.rouge_l(Case(task="abssum", lang="id", rows=rows, answer_tag="Ringkas:"))
    assert [row["cleaned_responses"] for row in scored.rows] == ["ayah menanam padi", "", ""]
    assert [row["individual_scores"]["normalized_rougel_f1"] for row in scored.rows] == [100.0, 0.0, 0.0]
    assert scored.metrics["null_count"] == 2
    assert scored.metrics["rougel_f1"] == pytest.approx(100 / 3)


@vectors
def test_official_tokens():
    for library in ("pyonmttok", "pythainlp"):
        pytest.importorskip(library)
    for case in json.loads((VECTORS / "rouge_tokenize.json").read_text(encoding="utf-8")):
        for item in case["items"]:
            assert rouge.tokens(item["text"], case["lang"]) == item["tokens"]


@vectors
def test_official_scores():
    for library in ("pyonmttok", "pythainlp"):
        pytest.importorskip(library)
    for case in json.loads((VECTORS / "rougeL.json").read_text(encoding="utf-8")):
        scored = rouge.rouge_l(
            Case(task=case["task"], lang=case["lang"], rows=case["rows"], answer_tag=case["answer_tag"])
        )
        assert scored.metrics == pytest.approx(case["expected"]["metrics"], abs=1e-6)
        for own, official in zip(scored.rows, case["expected"]["rows"], strict=True):
            assert own["cleaned_responses"] == official["cleaned_responses"]
            assert own["individual_scores"] == pytest.approx(official["individual_scores"], abs=1e-6)


def test_a_row_without_a_label_is_wrong_and_named():
    pytest.importorskip("pyonmttok")
    found = rouge.rouge_l(Case(task="abssum", lang="id", rows=[{"id": 4, "responses": ["ikan"]}]))
    assert found.metrics["rougel_f1"] == 0
    assert [*found.problems] == ["row 4: no label, counted as wrong"]
