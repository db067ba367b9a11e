"""Values worked out by hand from the rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.errors import DataError
from lontar.scoring.official import Case, score
from lontar.scoring.official.extract import macro_f1


def case(task, answers, labels, tag="Answer:", **more):
    rows = [
        {"id": i, "label": label, "responses": [text]}
        for i, (text, label) in enumerate(zip(answers, labels, strict=True))
    ]
    for row, extra in zip(rows, more.pop("metadata", [{}] * len(rows)), strict=True):
        row["metadata"] = extra
    return Case(task, "id", rows, tag, **more)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Answer: Yes", "Yes"),
        ("Answer: yes.", "Yes"),
        ("Answer:** YES**", "Yes"),
        ("Answer:\u00a0\u3000Yes", "Yes"),
        ("Answer: Yesterday", "Yes"),  # a label counts as a beginning
        ("Answer: YesNo", "No"),  # the last repetition
        ("Answer: No. Answer: Yes", "No"),  # the first tag
        (" [Yes] ", "Yes"),  # without a tag, the whole answer
        ("Yes: surely", "null"),
        ("Answer: (Yes)", "null"),  # a bracket stands between, and the whole is no label
        ("Answer:\u200bYes", "null"),
        ("Maybe", "null"),
        ("", "null"),
    ],
)
def test_what_counts_as_a_label(answer, found):
    scored = score("label_choice", case("any", [answer, "Answer: No"], ["Yes", "No"]))
    assert scored.rows[0]["cleaned_responses"] == found
    assert scored.rows[0]["individual_scores"] == {"normalized_accuracy": int(found == "Yes")}


def test_label_metrics():
    answers = ["Answer: a", "Answer: b", "Answer: b", "what"]
    metrics = score("label_choice", case("any", answers, ["a", "a", "b", "b"])).metrics
    # recall 1/2 and 1/2; F1: a 2/3, b 1/2, null 0
    assert metrics["accuracy"] == pytest.approx(50)
    assert metrics["normalized_accuracy"] == 0 and metrics["null_count"] == 1
    assert metrics["macro_f1"] == pytest.approx(100 * (2 / 3 + 1 / 2) / 3)
    assert metrics["null_weighted_f1"] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2 * 3 / 4)


def test_a_request_that_failed_is_an_empty_answer():
    rows = [{"id": 1, "label": "a", "responses": None}, {"id": 2, "label": "b", "responses": [None]}]
    assert score("label_choice", Case("any", "id", rows, "A:")).metrics["null_count"] == 2


def test_parts_of_supergpqa():
    extra = [{"difficulty": "easy", "field": "Law"}, {"difficulty": "hard", "field": "Law"}]
    found = score("label_choice", case("supergpqa-law", ["Answer: a", "Answer: a"], ["a", "b"], metadata=extra))
    assert found.metrics["difficulty"] == {
        "easy": {"accuracy": 1.0, "macro_f1": 1.0},
        "hard": {"accuracy": 0.0, "macro_f1": 0.0},
    }
    assert found.metrics["field"]["Law"]["accuracy"] == 0.5


def test_minimal_pairs_and_pragmatics_by_phenomenon():
    extra = [{"linguistic_phenomenon": name} for name in ("order", "order", "order", "focus")]
    answers = ["Answer: A", "Answer: B", "Answer: a", "Answer: BB"]
    pairs = score("minimal_pairs", case("mp", answers, ["A", "A", "A", "B"], metadata=extra))
    # Case counts in the expression, not for the whole answer: "Answer: a" has no label after the tag.
    assert [row["cleaned_responses"] for row in pairs.rows] == ["A", "B", "null", "B"]
    assert pairs.metrics["subcategories"] == {"order": pytest.approx(100 / 3), "focus": 100}
    assert pairs.metrics["accuracy"] == pytest.approx((100 / 3 + 100) / 2)
    assert pairs.metrics["normalized_accuracy"] == pytest.approx(100 * (pairs.metrics["accuracy"] - 50) / 50)
    found = score("pragmatics", case("p", answers, ["A", "A", "A", "B"], metadata=extra))
    assert found.metrics == {"subcategories": {"order": [1, 3], "focus": [1, 1]}}


@given(st.lists(st.tuples(st.text(), st.sampled_from("ab")), min_size=1, max_size=6))
def test_any_answer_has_a_score(pairs):
    answers, labels = zip(*pairs, strict=True)
    found = score("label_choice", case("any", list(answers), list(labels)))
    assert 0 <= found.metrics["normalized_accuracy"] <= found.metrics["accuracy"] + 1e-9 <= 100 + 1e-9
    assert len(found.rows) == len(pairs)


def test_an_unknown_family_is_named():
    with pytest.raises(DataError, match="no metric family 'nope'"):
        score("nope", case("any", ["x"], ["a"]))


@pytest.mark.parametrize("bare", [{}, {"label": None}, {"label": []}, {"label": ""}])
def test_a_row_without_a_label_is_wrong_and_named(bare):
    rows = [{"id": i, "label": label, "responses": [f"Answer: {label}"]} for i, label in enumerate("ab")]
    rows.append({"id": 7, "responses": ["Answer: None"], **bare})
    found = score("label_choice", Case("any", "id", rows, "Answer:"))
    # It is no class of its own: the two others are all right.
    assert found.metrics["accuracy"] == found.metrics["normalized_accuracy"] == 100
    assert found.rows[2] == {"cleaned_responses": "null", "individual_scores": {"normalized_accuracy": 0}}
    assert [*found.problems] == ["row 7: no label, counted as wrong"]


@pytest.mark.parametrize("family", ["minimal_pairs", "pragmatics"])
def test_a_row_without_a_phenomenon_is_named(family):
    rows = [{"id": 3, "label": "A", "responses": ["Answer: A"], "metadata": None}, {"id": 4, "label": "A"}]
    found = score(family, Case("mp", "id", rows, "Answer:"))
    assert [*found.metrics["subcategories"]] == [""]
    assert [*found.problems] == ["row 3: no linguistic phenomenon", "row 4: no linguistic phenomenon"]


@pytest.mark.parametrize("family", ["label_choice", "minimal_pairs"])
def test_where_labels_are_no_expression_the_whole_answer_counts(family):
    extra = [{"linguistic_phenomenon": "x"}] * 2
    found = score(family, case("any", ["Answer: yes", "Yes."], ["no(", "yes"], metadata=extra))
    assert [row["cleaned_responses"] for row in found.rows] == ["null", "yes"]
    assert not found.problems, "the official code does not fail there"


def test_many_labels_take_no_quadratic_time():
    labels = [f"w{i:05}" for i in range(20_000)]
    assert macro_f1(labels, [*labels[1:], "none"], {*labels}) == 0
    assert macro_f1(["a", "b", "b"], ["a", "a", "b"], {"a", "b", "c"}) == pytest.approx((2 / 3 + 2 / 3) / 3)
