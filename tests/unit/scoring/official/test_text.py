"""Question answering, exact match, fetching, translation and log-probabilities, worked out by hand."""

import math

import pytest

from lontar.scoring.official import Case, score
from lontar.scoring.official.text import between_tags


def case(task, answers, labels, lang="id", tag="Answer:", **more):
    rows = [
        {"id": i, "label": label, "responses": [text]}
        for i, (text, label) in enumerate(zip(answers, labels, strict=True))
    ]
    return Case(task, lang, rows, tag, **more)


def test_qa_takes_the_best_reference_and_one_line():
    answers = ["Answer: the red, house!\nor not", "Answer:", "blue"]
    found = score("qa_f1", case("qa", answers, [["a house", "the red house"], ["x"], ["blue sky"]]))
    assert [row["cleaned_responses"] for row in found.rows] == ["the red, house!", "", "blue"]
    assert [row["individual_scores"]["normalized_f1"] for row in found.rows] == [1, 0, pytest.approx(2 / 3)]
    assert found.metrics["exact_match"] == pytest.approx(100 / 3) and found.metrics["null_count"] == 1
    assert found.metrics["found_in_prediction"] == 0, "only the first reference is looked for"


def test_qa_segments_thai_and_chinese_and_takes_the_first_reference_alone():
    pytest.importorskip("pythainlp")
    found = score("qa_f1", case("qa", ["Answer: ฉันรักแมว"], [["ฉันรักหมา", "ฉันรักแมว"]], "th"))
    assert found.metrics["exact_match"] == 0 and found.metrics["f1"] == pytest.approx(100 * 2 / 3)
    pytest.importorskip("jieba")
    assert score("qa_f1", case("qa", ["Answer: 我们去学校"], [["我们去学校"]], "zh")).metrics["f1"] == 100


def test_exact_match_is_to_the_letter():
    found = score("exact_match", case("bbh", ["Answer: **24", "Answer: 24 "], ["24", "25"]))
    assert found.metrics == {"exact_match": 50.0, "normalized_exact_match": 50.0}


def test_fetched_items_are_a_set_before_the_last_closing_tag():
    answers = ["<A> one, Two </A>", "<A>one, two", "<A> two, one, three </A>"]
    niah = score("niah", case("niah", answers, [["one", "two"]] * 3, tag="<A>"))
    assert [row["individual_scores"]["normalized_accuracy"] for row in niah.rows] == [1, 0, 1]
    assert niah.rows[1]["cleaned_responses"] == "None"
    upper = [["ONE", "TWO"]] * 3
    assert score("niah", case("niah", answers, upper, tag="<A>")).metrics["accuracy"] == 0
    assert score("cwe", case("cwe", answers, upper, tag="<A>")).metrics["accuracy"] == pytest.approx(200 / 3)


def test_translation_by_given_scores_and_by_chrf():
    found = score(
        "translation", case("t", ["Answer: x", "Answer:"], ["x", "y"], judge_rows=[{"score": 5.0}, {"score": 30.0}])
    )
    assert found.metrics["metricx_wmt24_scores"] == 17.5 and found.metrics["null_count"] == 1
    assert [row["individual_scores"]["normalized_metricx_wmt24_scores"] for row in found.rows] == [80.0, 0.0]
    pytest.importorskip("sacrebleu")
    settings = {"use_chrf_metric": True, "use_metricx_metric": False}
    found = score("translation", case("t", ["Answer: a cat sat"], ["a cat sat"], settings=settings))
    assert found.metrics["chrf_score"] == pytest.approx(100) and found.rows == [{"cleaned_responses": "a cat sat"}]


def likelihoods(values, names=None):
    rows = [{"id": i, "cumulative_logprobs": [value]} for i, value in enumerate(values)]
    for row, name in zip(rows, names or [""] * len(rows), strict=True):
        row["metadata"] = {"linguistic_phenomenon": name}
    return Case("l", "id", rows)


def test_log_probabilities():
    found = score("logprob", likelihoods([-1.0, None, -2.0]))
    assert found.metrics["null_count"] == 1 and found.metrics["average_cumulative_logprobs"] == -1.5
    assert found.metrics["clt_se_cumulative_logprobs"] == pytest.approx(0.5)
    percents = [100 * math.exp(-1), 0, 100 * math.exp(-2)]
    assert found.metrics["average_cumulative_probabilities"] == pytest.approx(sum(percents) / 3)
    assert [row["individual_scores"]["probabilities_accuracy"] for row in found.rows] == pytest.approx(percents)
    assert score("logprob", likelihoods([-1.0])).metrics["average_cumulative_logprobs"] == 0, "one is too few"
    assert score("logprob", likelihoods([])).metrics["average_cumulative_probabilities"] == 0


def test_log_probabilities_by_phenomenon_with_the_official_mix_up():
    values, names = [-1.0, -2.0, -3.0], ["a", "b", "a"]
    pairs = score("minimal_pairs_logprob", likelihoods(values, names))
    assert pairs.metrics["subcategories"]["a"]["average_cumulative_logprobs"] == -2 and "null_count" in pairs.metrics
    assert pairs.rows[1]["individual_scores"]["probabilities_accuracy"] == pytest.approx(100 * math.exp(-2))
    moved = score("pragmatics_logprob", likelihoods(values, names))
    assert [*moved.metrics] == ["subcategories"]
    assert moved.rows[1]["individual_scores"]["probabilities_accuracy"] == pytest.approx(100 * math.exp(-3))


@pytest.mark.parametrize("label", [None, []])
@pytest.mark.parametrize(
    ("family", "key"), [("qa_f1", "f1"), ("exact_match", "exact_match"), ("niah", "accuracy"), ("cwe", "accuracy")]
)
def test_a_row_without_a_reference_is_wrong_and_named(family, key, label):
    found = score(family, case("any", ["Answer: None</", "Answer: x</"], [label, "x</" if key != "accuracy" else "x"]))
    assert found.metrics[key] == 50
    assert [*found.problems] == ["row 0: no label, counted as wrong"]


def test_a_repeated_tag_takes_no_quadratic_time():
    assert between_tags("Answer: a" * 200_000, "Answer:") == "None"
    assert between_tags("Answer: a </b </ c", "Answer:") == "a </b"
    assert between_tags("</ Answer: a", "Answer:") == "None"


def test_a_translation_without_a_score_is_the_worst():
    found = score("translation", case("t", ["Answer: x"] * 3, ["x"] * 3, judge_rows=[{"score": 0.0}, {"score": None}]))
    assert found.metrics["metricx_wmt24_scores"] == pytest.approx(50 / 3)
    assert [*found.problems] == [f"row {i}: no score, counted as the worst" for i in (1, 2)]


def test_translation_of_no_rows():
    pytest.importorskip("sacrebleu")
    found = score("translation", case("t", [], [], settings={"use_chrf_metric": True}))
    assert found.metrics["chrf_score"] == 0 and found.rows == []


def test_log_probabilities_beyond_a_float_and_without_a_phenomenon():
    assert score("logprob", likelihoods([800.0])).metrics["average_cumulative_probabilities"] == math.inf
    bare = Case("l", "id", [{"id": 5, "cumulative_logprobs": [-1.0]}])
    for family in ("minimal_pairs_logprob", "pragmatics_logprob"):
        found = score(family, bare)
        assert [*found.metrics["subcategories"]] == [""]
        assert [*found.problems] == ["row 5: no linguistic phenomenon"]
