"""Rules of totals and judges that no recorded vector shows: worked examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lontar.scoring.official import judges
from lontar.scoring.official.aggregate import Leaderboard, leaderboard, run_totals
from lontar.scoring.official.case import Case, Scored

MET, UNMET = "<classification>CLASS_MET</classification>", "<classification>CLASS_UNMET</classification>"
FIRST, SECOND = "scalar_implicatures", "presuppositions"


def board(scores: Sequence[Any], labels: Sequence[Any], lang: str = "id", **task: Any) -> Leaderboard:
    config = {"tasks": {"t": {"competency": "c", "languages": {lang: {}}, **task}}}
    return leaderboard(config, {lang: {"c": {"t": {"scores": scores, "labels": labels}}}}, len(scores))


def diagnostics(**entries: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
    named = {name.replace("_", "-"): entry for name, entry in entries.items()}
    tasks = [{"task": "mp-r", "metric": "normalized_accuracy", "languages": ["id"]}]
    found = run_totals({"id": {"linguistic-diagnostics": named}}, tasks)
    return found.metrics["id"]["linguistic-diagnostics"], found.problems  # type: ignore[index,call-overload,return-value]


def counts(**phenomena: list[int]) -> Mapping[str, Any]:
    return {"subcategories": phenomena}


def likely(**phenomena: float) -> Mapping[str, Any]:
    return {"subcategories": {name: {"average_cumulative_probabilities": x} for name, x in phenomena.items()}}


def judged(family: Any, rows: Sequence[Mapping[str, Any]], given: Sequence[tuple[str, str | None]]) -> Scored:
    found: Scored = family(Case("t", "id", rows, judge_rows=[{"custom_ids": n, "responses": x} for n, x in given]))
    return found


def test_labels_are_those_of_run_0_whatever_it_has() -> None:
    answers, labels = [1.0, 1.0, 0.0, 1.0], ["A", "A", "B", "B"]
    assert board([answers, []], [labels, []]).scores["mean"] == 50
    # run 0 is missing, and its labels with it: no choice any more
    late = board([[], answers], [[], labels])
    assert late.scores["mean"] == 75
    assert late.incomplete == [("id", "c", "t")]
    assert board([[], answers], [labels, []]).scores["mean"] == 50


def test_an_empty_run_makes_a_task_incomplete_and_nothing_else() -> None:
    assert board([[5.0], []], [[], []], max_n_runs=1, use_logprobs=False).incomplete
    assert not board([[5.0], []], [["A"], []], max_n_runs=1).incomplete
    few = leaderboard(
        {"tasks": {"t": {"competency": "c", "languages": ["id"]}}},
        {"id": {"c": {"t": {"scores": [[5.0]], "labels": [[]]}}}},
        8,
    )
    assert not few.incomplete
    assert few.problems == ["id: t: there are data of 1 runs only, not of 8"]


def test_likelihoods_are_a_choice_even_where_all_labels_differ() -> None:
    # nothing is as sure as 0, so each draw is above it and counts as right
    found = board([[0.0, 0.0, 0.0]], [["A", "B", "C"]], max_n_runs=1)
    assert found.scores["mean"] == 100
    assert not found.problems
    assert board([[], [1.0]], [[], ["A"]], max_n_runs=1).problems == ["id: t: run 0 is empty, counted 0"]
    assert board([[0.0, 0.0]], [[]], max_n_runs=1).problems == ["id: t: 0 labels for 2 rows, a plain mean is given"]


def test_groups_lose_their_ending() -> None:
    scores = board([[40.0]], [[]], aggregation_group="exam-logprobs").scores["id"]["c"]  # type: ignore[index,call-overload]
    assert list(scores["aggregation_groups"]) == ["exam"]  # type: ignore[index,call-overload,arg-type]
    assert scores["tasks"]["t"]["aggregation_group"] == "exam"  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("labels", "value", "problem"),
    [
        (["A", "A"], 0, "one label only"),
        ([1, 1], 50, "not texts"),
        ([None, None], 50, "not texts"),
        (["A", "A", "B"], 50, "3 labels for 2 rows"),
    ],
)
def test_labels_that_fail_the_official_code(labels: list[Any], value: float, problem: str) -> None:
    found = board([[1.0, 0.0]], [labels])
    assert found.scores["mean"] == value
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_an_empty_label_is_always_right() -> None:
    assert board([[0.0, 1.0, 1.0]], [["", "A", "A"]]).scores["mean"] == 100


def test_missing_data_are_named() -> None:
    config = {"tasks": {"t": {"competency": "c", "languages": {"id": {}, "en": {}}}}}
    value = {"c": {"t": {"scores": [[40.0]], "labels": [[]]}}}
    found = leaderboard(config, {"id": value, "vi": {}}, 1)
    assert found.scores["mean"] == 20
    assert found.problems == ["en: t: there are no data, counted 0", "vi: there is no task, left out"]
    assert "sea_mean is over" in board([[40.0]], [[]], lang="en").problems[0]


def test_two_phenomena_count() -> None:
    part, problems = diagnostics(
        mp_r={"normalized_accuracy": 20},
        pragmatic_single=counts(**{FIRST: [3, 4], SECOND: [1, 2], "third": [0, 9]}),
        pragmatic_pair=counts(**{FIRST: [6, 8], SECOND: [5, 6]}),
    )
    assert part["pragmatics"]["accuracy"] == 75
    assert list(part["pragmatics"]["subcategories"]) == [FIRST, SECOND]
    assert part["total"] == 35
    assert not problems


def test_a_phenomenon_that_no_task_has() -> None:
    tasks = {"pragmatic_single": counts(**{FIRST: [3, 4]}), "pragmatic_pair": counts(**{FIRST: [6, 8]})}
    part, problems = diagnostics(mp_r={"normalized_accuracy": 55}, **tasks)
    assert part["total"] == 55
    assert "no total of the official kind (ZeroDivisionError" in problems[0]


def test_pragmatics_alone() -> None:
    part, problems = diagnostics(pragmatic_single=counts(**{FIRST: [3, 4]}), pragmatic_pair=counts(**{SECOND: [4, 4]}))
    assert part["total"] == part["lindsea"]["normalized_score"] == 75
    assert not problems


def test_the_first_task_decides_on_likelihoods() -> None:
    tasks = {
        "pragmatic_single_logprobs": likely(**{FIRST: 20, SECOND: 40}),
        "pragmatic_pair_logprobs": likely(**{FIRST: 60}),
    }
    part, problems = diagnostics(mp_r_logprobs={"average_cumulative_probabilities": 80}, **tasks)
    assert part["pragmatics-logprobs"]["subcategories"][FIRST] == {"average_cumulative_probabilities": 40}
    assert part["pragmatics-logprobs"]["average_cumulative_probabilities"] == 40
    assert part["total"] == 60
    assert not problems
    _, problems = diagnostics(mp_r={"normalized_accuracy": 80}, **tasks)
    assert "KeyError('pragmatic-single')" in problems[0]


def test_what_has_no_task_is_named() -> None:
    found = run_totals({"id": {"n": {}}}, [])
    assert found.problems[:2] == ["id: n: it has no task, left out", "id: there is nothing to average"]
    weighted = {"task": "a", "metric": "m", "aggregation_group": "g", "aggregation_type": "micro-average"}
    assert "not weighted" in run_totals({"id": {"n": {"a": {"m": 1}}}}, [weighted]).problems[0]


def test_lindsea_with_too_few_judgements() -> None:
    row = {"id": 1, "criteria": [{"severity": "generic"}, {"severity": "low"}, {}], "metadata": {"category": "c"}}
    found = judged(judges.lindsea, [row], [("1_criteria0", MET), ("1_criteria1", MET)])
    assert found.rows[0]["overall_score"] == 1
    assert [text.split(",")[0] for text in found.problems] == [
        "row 1: 2 judgements for 3 criteria",
        "row 1: a criterion has no severity",
    ]


def test_ids_with_more_underscores_and_rows_without_category() -> None:
    found = judged(judges.criteria, [{"id": "a_b"}], [("a_b_criteria0", MET)])
    assert found.problems == [
        "custom ids are not of 2 parts between underscores: a_b_criteria0",
        "row a_b: no category",
    ]
    assert judged(judges.lindsea, [{"id": 1}], []).problems == ["row 1: no category"]


def test_two_rows_of_one_id_share_their_judgements() -> None:
    row = {"id": 1, "metadata": {"category": "c"}}
    given = [("1_criteria0", "<classification>CLASS_EXACTLY_MET</classification>"), ("1_criteria0", UNMET)]
    assert [one["final_scores"] for one in judged(judges.criteria, [row, row], given).rows] == [0.5, 0.5]


def both(name: str, before: str | None, after: str | None) -> list[tuple[str, str | None]]:
    return [(f"{name}_baseline-before", before), (f"{name}_baseline-after", after)]


def test_pairwise_goes_by_question_id() -> None:
    row = {"id": 9, "question_id": 4, "responses": ["x"], "metadata": {"category": "c"}}
    found = judged(judges.pairwise, [row], both("4_turn1", "[[B]]", "[[A]]") + both("9_turn1", "[[A]]", "[[B]]"))
    assert found.metrics["weighted_win_rate"] == 100
    assert not found.problems


def test_pairwise_names_what_fails_the_official_code() -> None:
    row = {"id": 1, "responses": ["x", "y"], "metadata": {"category": "c"}}
    found = judged(judges.pairwise, [row], both("1_turn1", "[[B]]", None))
    assert found.rows[0]["final_judgement"] == ["TIE"], "a turn that was not judged does not count"
    assert [text.split(":")[0] for text in found.problems] == ["1_turn1_baseline-after", "row 1"]
    twice = judged(judges.pairwise, [row | {"responses": ["x"]}], both("1_turn1", "[[B]]", "[[A]]") * 2)
    assert len(twice.problems) == 2


def test_correctness_goes_by_place() -> None:
    rows = [{"id": 1}, {"id": 1}, {"id": 2}]
    found = judged(judges.correct, rows, [("2", "CORRECT"), ("1", "INCORRECT"), ("1", "CORRECT")])
    assert [row["score"] for row in found.rows] == [1, 0, 1]
    assert not found.problems
    found = judged(judges.correct, rows, [("2", "CORRECT")])
    assert [row["score"] for row in found.rows] == [None, None, 1]
    assert len(found.problems) == 3


def test_rows_without_a_type_are_of_an_unknown_one() -> None:
    assert judged(judges.truefalse, [{"id": 1}], [("1", "TRUE")]).metrics["categories"] == {"unknown": 100}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\\boxed{ 1 } ", "1"),
        (r"\boxed{a{b{c}d}e} then \boxed{f", "a{b{c}d}e"),
        (r"\boxed{1} \boxed{x{y{z}}} or \boxed{x{y{z}}}", "x{y{z}}} or \\boxed{x{y{z}}"),
        ("\\boxed{x{y{z}}} or\n\\boxed{w}", "w"),
        ("\\boxed{a\nb}", "a\nb"),
        ("none \n", "none \n"),
    ],
)
def test_boxes(text: str, answer: str) -> None:
    assert judges.boxed(text) == answer


def test_boxes_take_no_quadratic_time() -> None:
    for text in (r"\boxed{" * 50_000, r"\boxed{{{" * 50_000 + "}" * 50_000, "{" * 200_000, r"\boxed{{{}" * 50_000):
        assert isinstance(judges.boxed(text), str)


def health(points: Sequence[object], given: Sequence[str | None], **metadata: object) -> Scored:
    row = {"id": 0, "criteria": [{"points": p} for p in points], "metadata": {"example_tags": ["t"], **metadata}}
    return judged(judges.healthbench, [row], [(f"0_criteria{i}", text) for i, text in enumerate(given)])


def test_healthbench_mixes_up_eleven_criteria() -> None:
    yes, no = '{"criteria_met": true}', '{"criteria_met": false}'
    # criteria10 comes third as a string, so its judgement goes to the third criterion
    found = health([1, 1, 7, *[1] * 8], [*[no] * 10, yes])
    assert found.rows[0]["scores"] == [0, 0, 7, *[0] * 8]
    assert not found.problems


def test_healthbench_cuts_points_and_mends_one_key() -> None:
    both_keys = r"{\"criteria_met\": true, \"why\": 1}"
    found = health([2.7, "3", 4, 5], [r"{\"criteria_met\": true}", '{"criteria_met": true}', both_keys, "{}"])
    assert found.rows[0]["scores"] == [2, 3, 0, 0]
    assert found.rows[0]["final_scores"] == pytest.approx(5 / 14)
    assert not found.problems


def test_healthbench_names_what_fails_the_official_code() -> None:
    yes = '{"criteria_met": true}'
    assert health([1, 1], [yes]).problems == ["row 0: 1 judgements for 2 criteria, they are paired by their ids"]
    assert health([1, None], [yes, yes]).problems == ["row 0: points that are no number are counted as 0"]
    assert health([1], ['{"criteria_met": "yes"}']).problems == ["row 0: criteria_met is 'yes', counted as not met"]
    assert health([1], [yes], example_tags=[]).problems == ["row 0: no example_tags, so in no category"]
    assert not health([1], ['{"criteria_met": null}']).problems
    assert health([1], [yes], example_tags=["a", "b"]).metrics["categories"] == {"a": 100}
