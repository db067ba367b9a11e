"""Rules of the official code that its recorded outputs do not reach; each was compared with a run of that code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.scoring import official
from lontar.scoring.official import Case, Facts, ifeval, rouge
from lontar.scoring.official.extract import extracted
from lontar.scoring.official.text import between_tags

FACTS: Mapping[str, Any] = {"word_boundary_languages": ["en"], "substring_languages": ["th"]}


def score(family: str, one: Case) -> Any:
    return official.score(family, one)


def case(task: str, answers: list[str], labels: list[Any], tag: str = "Answer:", **more: Any) -> Case:
    metadata = more.pop("metadata", [{}] * len(labels))
    rows = [
        {"id": i, "label": label, "responses": [text], "metadata": extra}
        for i, (text, label, extra) in enumerate(zip(answers, labels, metadata, strict=True))
    ]
    return Case(task, "en", rows, tag, **more)


# ---------------------------------------------------------------- ROUGE-L


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("လိမ်းစ်", ["လိမ်း", "စ်"]),  # the second final finds no syllable directly before it
        ("မိုင်လ်တ်", ["မိုင်", "လ်", "တ်"]),
        ("စ်မ", ["စ်", "မ"]),  # nothing before the first unit
        ("စ်မ်", ["စ်မ်"]),
        ("\u1039က", ["\u1039", "က"]),  # stacked on nothing
        ("က\u1039", ["က", "\u1039"]),
        ("က\u1039\u1039ခ", ["က\u1039\u1039", "ခ"]),  # the second is what the first joins
        ("က\u1039ခ\u1039ဂ", ["က\u1039ခ\u1039ဂ"]),
        ("က\u1039\u1031ခ", ["က", "\u1039\u1031", "ခ"]),  # with a vowel sign it joins nothing
    ],
)
def test_burmese_finals_and_stacks(text: str, units: list[str]) -> None:
    assert rouge.syllables(text) == units


@given(st.text(alphabet="ကခမ\u103a\u1039\u1037\u102d\u1031 ", max_size=12))
def test_burmese_units_lose_nothing(text: str) -> None:
    squeezed = "".join(text.replace("\u1037\u103a", "\u103a\u1037").split())
    assert "".join(rouge.syllables(text)) == squeezed
    assert all(rouge.syllables(text))


def test_summaries_by_chrf_where_asked_for() -> None:
    pytest.importorskip("sacrebleu")
    settings = {"use_chrf_metric": True, "use_rougeL_metric": False}
    found = score("rougeL", case("abssum", ["Answer: padi tua", "x"], ["padi tua", "sawah"], settings=settings))
    assert [*found.metrics] == ["null_count", "chrf_score", "normalized_chrf_score"]
    assert 0 < found.metrics["chrf_score"] < 100
    assert found.rows == [{"cleaned_responses": "padi tua"}, {"cleaned_responses": "x"}]
    assert score("rougeL", case("abssum", [], [], settings=settings)).metrics["chrf_score"] == 0
    pytest.importorskip("pyonmttok")
    plain = score("rougeL", case("abssum", ["padi"], ["padi"], settings={"use_chrf_metric": False}))
    assert "chrf_score" not in plain.metrics
    assert plain.metrics["rougel_f1"] == 100


# ---------------------------------------------------------------- SEA-IFEval


@pytest.mark.parametrize(
    ("name", "response", "kwargs", "expected"),
    [
        ("detectable_format:json_format", "[7]\n```", {}, False),
        ("detectable_format:json_format", "```\n[7]", {}, True),
        ("detectable_format:number_bullet_lists", "- \r\n* \t\n- \u00a0x\n* \u3000x", {"num_bullets": 0}, True),
        ("detectable_format:number_bullet_lists", "\t- eel", {"num_bullets": 1}, True),
        ("startend:quotation", '"""', {}, False),
        ("startend:quotation", '"" ""', {}, False),  # without the marks at its ends, a space is left
        ("startend:quotation", '"" "', {}, False),
        ("startend:quotation", '""eel"', {}, True),
        ("detectable_content:number_placeholders", "[[]] [[ ]", {"num_placeholders": 1}, False),
        ("detectable_content:number_placeholders", "[[eel]]", {"num_placeholders": 1}, True),
        ("detectable_content:number_placeholders", "[eel]", {"num_placeholders": 1.9}, True),
        ("startend:first_word", "Eel, please", {"first_word": "Eel "}, False),
        ("startend:first_word", "eel pie", {"first_word": "Eel "}, True),
        ("startend:end_checker", "an eel ", {"end_phrase": "eel "}, False),
        ("combination:repeat_prompt", "eel? Yes", {"prompt_to_repeat": " Eel? "}, True),
        ("combination:two_responses", "! !******eel", {}, True),
        ("combination:two_responses", "!!******eel", {}, False),
        ("keywords:existence", "carp", {"keywords": ["eel", "(carp"]}, False),  # the second is not reached
        ("keywords:forbidden_words", "eel", {"forbidden_words": ["eel", "(carp"]}, False),
    ],
)
def test_checkers(name: str, response: str, kwargs: dict[str, Any], expected: bool) -> None:
    assert ifeval.check(name, response, kwargs, "en", FACTS) is expected


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thai where there is a Thai letter, nothing where there is a tilde, or else English."""

    def langid(text: str) -> tuple[str, float]:
        return ("", 0.0) if "~" in text else ("th" if "ก" in text else "en", 1.0)

    monkeypatch.setattr(ifeval, "langid", langid)


def instructed(name: str, response: str, kwargs: dict[str, Any], lang: str = "en", **metadata: Any) -> Any:
    metadata = {"category": name.partition(":")[0], "subcategory": name, **metadata}
    row = {"id": 5, "responses": [response], "metadata": metadata, "kwargs": [kwargs]}
    return ifeval.sea_ifeval(Case("if-eval", lang, [row], facts=Facts(ifeval=FACTS)))


@pytest.mark.usefixtures("detector")
class TestRows:
    def test_a_pass_in_another_language_alone_is_a_key_error_there(self) -> None:
        found = instructed("startend:first_word", "กา", {"first_word": "ก"})
        assert found.metrics["overall_pass"] == 1
        assert found.metrics[ifeval.KEY] == 0
        assert "right language" in found.problems[0]
        assert "KeyError" in found.problems[0]

    @pytest.mark.parametrize(
        ("name", "kwargs", "said"),
        [
            ("startend:first_word", {"first_word": "eel", "relation": "exactly"}, "takes no argument 'relation'"),
            ("startend:quotation", {"num_words": 1}, "takes no argument 'num_words'"),
            ("startend:first_word", {"first_word": 3}, "argument 'first_word' is no text"),
            ("keywords:number_frequency", {"number": 3, "relation": "exactly", "frequency": 1}, "'number' is no text"),
            ("keywords:existence", {"keywords": 3}, "not iterable"),
        ],
    )
    def test_arguments_on_which_the_official_code_fails(self, name: str, kwargs: dict[str, Any], said: str) -> None:
        found = instructed(name, '"eel 3"', kwargs)
        assert found.rows[0]["result"] is False
        assert said in found.problems[0]
        assert "row 5" in found.problems[0]

    def test_a_null_argument_is_none(self) -> None:
        found = instructed("startend:first_word", "eel", {"first_word": "eel", "relation": None})
        assert found.rows[0]["result"] is True
        assert not found.problems

    def test_a_string_of_words_is_taken_by_letters(self) -> None:
        assert instructed("keywords:existence", "l e e", {"keywords": "eel"}).rows[0]["result"] is True
        assert instructed("keywords:existence", "eel", {"keywords": "eel"}).rows[0]["result"] is False
        assert instructed("keywords:forbidden_words", "eel", {"forbidden_words": "eel"}).rows[0]["result"] is True

    @pytest.mark.parametrize(
        ("name", "key"), [("keywords:existence", "keywords"), ("keywords:forbidden_words", "forbidden_words")]
    )
    def test_words_in_a_language_without_a_rule_pass(self, name: str, key: str) -> None:
        for lang, expected in (("zh", True), ("en", False)):
            assert instructed(name, "eel", {key: ["eel", "carp"]}, lang).rows[0]["result"] is expected

    def test_counting_a_word_in_such_a_language_is_a_problem(self) -> None:
        kwargs = {"keyword": "eel", "relation": "exactly", "frequency": 1}
        found = instructed("keywords:frequency", "eel", kwargs, "zh")
        assert "no rule for keywords" in found.problems[0]

    def test_the_language_is_that_of_the_task(self) -> None:
        found = instructed("startend:first_word", "eel", {"first_word": "eel"}, language="th")
        assert found.rows[0]["lang_normalized_result"] is True

    def test_a_text_that_the_detector_refuses_is_told(self) -> None:
        found = instructed("startend:first_word", "~", {"first_word": "~"})
        assert found.rows[0]["correct_language"] is False
        assert "the detector refuses the text" in found.problems[0]


# ---------------------------------------------------------------- labels


def test_what_is_no_expression_leaves_the_whole_answer() -> None:
    assert extracted(" Answer: eel ", "Answer(", "(.*)") == "Answer: eel"
    assert extracted("eel ", "", "(" * 5 + "a{99999999999999999999}" + ")" * 5) == "eel"
    assert between_tags("<A>eel</A>", "<A") == ">eel"
    assert between_tags("<A>eel</A>", "(") == between_tags("<A>eel</A>", "a+") == "None"


@pytest.mark.parametrize("family", ["label_choice", "minimal_pairs", "pragmatics", "qa_f1", "exact_match", "niah"])
def test_a_bad_tag_breaks_no_family(family: str) -> None:
    extra = [{"linguistic_phenomenon": "x"}] * 2
    found = score(family, case("any", ["Answer( eel", "carp"], ["eel", "carp"], "Answer(", metadata=extra))
    if family in ("label_choice", "minimal_pairs", "pragmatics"):
        assert [row["cleaned_responses"] for row in found.rows] == ["null", "carp"]
    assert not found.problems


def test_labels_that_differ_in_case_alone_are_one_for_chance() -> None:
    answers, labels = ["Answer: yes", "Answer: no", "Answer: no"], ["yes", "Yes", "no"]
    metrics = score("label_choice", case("any", answers, labels)).metrics
    accuracy = 100 * (1 + 0 + 1) / 3  # of three classes
    assert metrics["accuracy"] == pytest.approx(accuracy)
    assert metrics["normalized_accuracy"] == pytest.approx(2 * accuracy - 100)
    extra = [{"linguistic_phenomenon": "x"}] * 3
    pairs = score("minimal_pairs", case("mp", ["Answer: yes"] * 3, labels, metadata=extra))
    assert [row["individual_scores"]["normalized_accuracy"] for row in pairs.rows] == [1, 1, 0]
    assert pairs.metrics["normalized_accuracy"] == pytest.approx(100 / 3)
    exact = score("pragmatics", case("p", ["Answer: yes"] * 3, labels, metadata=extra))
    assert exact.metrics["subcategories"] == {"x": [1, 3]}


def test_parts_of_supergpqa_are_always_there() -> None:
    metadata = [{"difficulty": "easy", "field": None}, {}, None]
    found = score("label_choice", case("supergpqa-law", ["A", "A", "A"], ["A", "B", "A"], metadata=metadata))
    difficulty: Any = found.metrics["difficulty"]
    assert {name: part["accuracy"] for name, part in difficulty.items()} == {"easy": 1.0, "unknown": 0.5}
    assert [*found.metrics["field"]] == ["unknown"], "a null is no part"
    assert [*found.problems] == ["row 2: no metadata; the official code fails there"]
    assert "difficulty" not in score("label_choice", case("other", ["A"], ["A"])).metrics


# ---------------------------------------------------------------- the others


def test_references_of_common_words_are_stripped() -> None:
    found = score("cwe", case("cwe", ["<A>eel, CARP</A>"], [[" Eel\n", "carp "]], "<A>"))
    assert found.metrics["strict_accuracy"] == 100
    assert score("niah", case("niah", ["<A>eel</A>"], [[" eel"]], "<A>")).metrics["accuracy"] == 0


def test_a_label_that_is_a_text_is_its_letters() -> None:
    found = score("qa_f1", case("qa", ["eel", "e"], ["eel", "eel"]))
    assert [row["individual_scores"]["normalized_f1"] for row in found.rows] == [0, 1]
    assert found.metrics["found_in_prediction"] == 100, "the first letter is looked for"
    empty = score("qa_f1", case("qa", ["eel"], [""]))
    assert [*empty.problems] == ["row 0: an empty label, counted as wrong"]


@pytest.mark.parametrize("family", ["logprob", "minimal_pairs_logprob", "pragmatics_logprob"])
def test_a_likelihood_that_is_no_number_is_null(family: str) -> None:
    metadata = {"linguistic_phenomenon": "x"}
    rows = [{"id": i, "cumulative_logprobs": [x], "metadata": metadata} for i, x in enumerate([-1.0, math.nan, -1.0])]
    found = score(family, Case("l", "id", rows))
    means: Any = found.metrics if "null_count" in found.metrics else found.metrics["subcategories"]["x"]
    assert means["null_count"] == 1
    assert means["average_cumulative_logprobs"] == -1
    assert means["average_cumulative_probabilities"] == pytest.approx(200 * math.exp(-1) / 3)


def test_the_answer_in_mathematics_is_stripped() -> None:
    pytest.importorskip("math_verify")
    found = score("math_verify", case("aime", ["  $7$ \n"], ["7"]))
    assert found.rows == [{"cleaned_responses": "$7$", "individual_scores": {"normalized_math_verify_score": 1.0}}]
