"""Judged families: worked examples, any text at all, and what the official code gave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lontar.scoring.official import judges
from lontar.scoring.official.case import Case, Scored

SPECS = Path(__file__).parents[4] / ".." / "shared" / "specs" / "sea-helm"
FAMILIES = {
    "judge_criteria": judges.criteria,
    "judge_mtbench": judges.mtbench,
    "judge_lindsea": judges.lindsea,
    "judge_pairwise": judges.pairwise,
    "judge_correct": judges.correct,
    "judge_correct_boxed": judges.correct_boxed,
    "judge_truefalse": judges.truefalse,
    "judge_healthbench": judges.healthbench,
    "refclip": judges.refclip,
}


def judged(
    family: str, rows: Sequence[Mapping[str, Any]], answers: Mapping[str, str | None], **settings: object
) -> Scored:
    found = [{"custom_ids": name, "responses": text} for name, text in answers.items()]
    return FAMILIES[family](Case("t", "id", rows, judge_rows=found, settings=settings))


def verdict(name: str, reason: str = "") -> str:
    return (f"<reflection>{reason}</reflection>" if reason else "") + f"<classification>{name}</classification>"


def same(ours: object, theirs: object) -> bool:
    if isinstance(theirs, Mapping):
        return (
            isinstance(ours, Mapping)
            and ours.keys() == theirs.keys()
            and all(same(ours[key], theirs[key]) for key in theirs)
        )
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, int | float) and not isinstance(theirs, bool):
        return isinstance(ours, int | float) and abs(ours - theirs) <= 1e-6
    return ours == theirs


def test_criteria() -> None:
    rows = [
        {"id": 7, "metadata": {"category": "food"}},
        {"id": 8, "metadata": {"category": "food"}},
        {"id": 9, "metadata": {"category": "songs"}},
    ]
    answers = {
        "7_criteria0": verdict("CLASS_MAJORLY_MET", "close\nenough"),
        "7_criteria1": verdict("CLASS_UNMET") + verdict("CLASS_EXACTLY_MET"),  # the first one counts
        "8_criteria0": verdict(" CLASS_EXACTLY_MET\n"),
        "9_criteria0": verdict("class_exactly_met"),
        "9_criteria1": None,
    }
    found = judged("judge_criteria", rows, answers)
    assert [row["final_scores"] for row in found.rows] == [0.375, 1, 0]
    assert found.rows[0]["reflection"] == ["close\nenough", None]
    assert found.metrics["categories"] == {"food": 0.6875, "songs": 0}
    assert found.metrics["average_criteria_score"] == pytest.approx(100 * 1.375 / 3)
    assert not found.problems


def test_a_row_that_was_never_judged_is_named() -> None:
    found = judged("judge_criteria", [{"id": "x"}], {})
    assert found.metrics["average_criteria_score"] == 0
    assert found.problems == ["row x: no judgement, counted 0", "row x: no category"]


def test_mtbench_takes_the_last_verdict_and_counts_an_empty_turn() -> None:
    rows = [{"id": "a_turn0", "metadata": {"category": "maths"}}, {"id": "b", "metadata": {"category": "maths"}}]
    answers = {
        "a_turn0_turn0_criteria0": verdict("CLASS_UNMET") + " no: " + verdict("CLASS_EXACTLY_MET"),
        "a_turn0_turn1_criteria1": verdict("CLASS_MODERATELY_MET"),
        "b_turn0_criteria0": verdict("CLASS_EXACTLY_MET"),
    }
    found = judged("judge_mtbench", rows, answers)
    assert found.rows[0]["turn_scores"] == [1, 0.5]
    assert found.rows[1]["scores"] == [[1], []]
    assert [row["final_scores"] for row in found.rows] == [0.75, 0.5]
    assert found.metrics == {"categories": {"maths": 0.625}, "average_criteria_score": 62.5}


def test_lindsea_multiplies_generic_and_weighted_criteria() -> None:
    severities = ["HIGH", "medium", "nonsense", "Generic", "generic"]
    row = {"id": 0, "criteria": [{"severity": s} for s in severities], "metadata": {"category": "c"}}
    answers = {f"0_criteria{i}": verdict("CLASS_MET" if met else "CLASS_UNMET") for i, met in enumerate("1010")} | {
        "0_criteria1": verdict("CLASS_UNMET"),
        "0_criteria3": verdict("CLASS_MET"),
        "0_criteria4": "CLASS_MET",
    }
    found = judged("judge_lindsea", [row], answers)
    assert found.rows[0]["criteria_score"] == 11 / 16
    assert found.rows[0]["generic_score"] == 0.5
    assert found.metrics["average_criteria_score"] == pytest.approx(100 * 11 / 32)
    assert found.metrics["categories"] == {"c": pytest.approx(100 * 11 / 32)}


def test_lindsea_mixes_up_eleven_criteria() -> None:
    severities = ["low"] * 2 + ["generic"] + ["low"] * 8
    row = {"id": 0, "criteria": [{"severity": s} for s in severities]}
    answers = {f"0_criteria{i}": verdict("CLASS_MET" if i == 10 else "CLASS_UNMET") for i in range(11)}
    # criteria10 comes third as a string, so it is taken for the generic one
    assert judged("judge_lindsea", [row], answers).rows[0]["generic_score"] == 1


@pytest.mark.parametrize(
    ("before", "after", "ties", "final"),
    [
        ("[[B]]", "[[A]]", True, "WIN"),
        ("so [[A]]", "[[B]]", True, "LOSE"),
        ("[[C]]", "[[C]]", True, "TIE"),
        ("[[C]]", "[[C]]", False, "ERROR"),
        ("[[B]]", "[[B]]", True, "TIE"),
        ("[[B]]", "[[B]]", False, "ERROR"),
        ("[[A]] or [[B]]", "[[a]]", True, "ERROR"),
        ("[[B]]", None, True, "TIE"),
        ("[[B]] not [[C]]", "[[A]]", False, "WIN"),
    ],
)
def test_pairwise_verdicts(before: str, after: str | None, ties: bool, final: str) -> None:
    answers = {"3_turn1_baseline-before": before, "3_turn1_baseline-after": after}
    found = judged("judge_pairwise", [{"question_id": 3, "responses": ["x"]}], answers, ties_allowed=ties)
    assert found.rows[0]["final_judgement"] == [final]


def test_pairwise_rates() -> None:
    rows = [
        {"question_id": 1, "responses": ["x", "y"], "metadata": {"category": "m"}},
        {"question_id": 2, "responses": ["x"], "metadata": {"category": "w"}},
    ]
    answers = {"1_turn1_baseline-before": "<b>", "1_turn1_baseline-after": "<a>"}
    answers |= {"1_turn2_baseline-before": "<b>", "1_turn2_baseline-after": "<t>", "2_turn1_baseline-after": "<b>"}
    labels = {"A_wins": "<a>", "B_wins": "<b>", "Tie": "<t>"}
    found = judged("judge_pairwise", rows, answers, judgement_labels=labels)
    assert found.metrics == {"categories": {"m": 0.75, "w": 0.5}, "win_rate": 2 / 3, "weighted_win_rate": 62.5}
    assert found.problems == ["2_turn1_baseline-before: no judgement, counted as an error"]


def test_correctness_leaves_null_out() -> None:
    rows = [{"id": i} for i in range(5)]
    texts = ["It is CORRECT!", "INCORRECT", "CORRECT, not INCORRECT", "correct", None]
    found = judged("judge_correct", rows, {str(i): text for i, text in enumerate(texts)})
    assert [row["score"] for row in found.rows] == [1, 0, 0, 0, None]
    assert found.metrics == {"accuracy_score": 25}
    assert "cleaned_responses" not in found.rows[0]


def test_true_and_false_by_type() -> None:
    rows = [{"id": i, "responses": [r"\boxed{4}"], "metadata": {"type": kind}} for i, kind in enumerate("aab")]
    found = judged("judge_truefalse", rows, {"0": "TRUE", "1": "FALSE", "2": None})
    assert found.metrics == {"accuracy_score": 50, "categories": {"a": 50, "b": None}}
    assert found.rows[0]["cleaned_responses"] == "4"
    assert found.problems == ["category b: no row has a judgement"]


def test_nothing_judged_is_said() -> None:
    found = judged("judge_correct_boxed", [{"id": 0, "responses": [None]}], {"0": None})
    assert found.metrics == {"accuracy_score": 0}
    assert found.problems


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"first \boxed{1}, then \BOXED{ \sqrt{2} } {done}", r"\sqrt{2}"),
        (r"\boxed{\boxed{3}}", r"\boxed{3}"),
        (r"\boxed{1} and \boxed{2", "1"),
        (r"}} \boxed{}", ""),
        (" only words ", " only words "),
        (r"\boxed{open", r"\boxed{open"),
    ],
)
def test_boxed(text: str, answer: str) -> None:
    assert judges.boxed(text) == answer


def test_healthbench() -> None:
    rows = [
        {"id": 0, "criteria": [{"points": p} for p in (6, 4, -3, 2)], "metadata": {"example_tags": ["t:a", "t:b"]}},
        {"id": 1, "criteria": [{"points": -5}, {"points": 5}], "metadata": {"example_tags": ["t:b"]}},
    ]
    answers = {
        "0_criteria0": 'fine {"criteria_met": false} or {"explanation": "a \\"quote\\"", "criteria_met": true}',
        "0_criteria1": '{\\"criteria_met\\": true}',
        "0_criteria2": '```json\n{"criteria_met": true}\n```',
        "0_criteria3": '{"criteria_met": {"x": true}}',  # only the inner object is flat
        "1_criteria0": '{"criteria_met": true}',
        "1_criteria1": "[]",
    }
    found = judged("judge_healthbench", rows, answers)
    assert found.rows[0]["scores"] == [6, 4, -3, 0]
    assert [row["final_scores"] for row in found.rows] == [pytest.approx(7 / 12), 0]
    assert found.metrics["categories"] == {"t:a": pytest.approx(700 / 12), "t:b": 0}
    assert not found.problems


def test_healthbench_survives_what_fails_the_official_code() -> None:
    rows = [{"id": 0, "criteria": [{"points": 2}, {"points": 2}]}, {"id": 1, "criteria": [{"points": -1}]}]
    answers = {"0_criteria0": '{"criteria_met": "sure"}', "0_criteria1": '{"criteria_met": true}', "1_criteria0": None}
    found = judged("judge_healthbench", rows, answers)
    assert found.metrics["average_criteria_score"] == 25
    assert len(found.problems) == 4, "and that both rows have no tags"


def test_refclip() -> None:
    rows = [{"id": 0, "responses": ["Teks: `kuda`\nlagi"]}, {"id": 1, "responses": [None]}, {"id": 2}]
    scores = [{"score": {"per_instance_image_text": a, "per_instance_text_text": b}} for a, b in ((0.5, 1.0), (0, 0))]
    found = judges.refclip(Case("t", "id", rows, answer_tag="Teks:", judge_rows=scores))
    assert found.metrics["clipscore"] == pytest.approx(0.5 / 3)
    assert found.metrics["normalized_refclipscore"] == pytest.approx(100 * 2 / 9)
    assert found.metrics["null_count"] == 2
    assert found.rows[0]["cleaned_responses"] == "kuda`"
    assert found.problems == ["row 2: no score, counted 0"]


PIECES = st.sampled_from(
    [
        "<classification>",
        "</classification>",
        "CLASS_MET",
        "[[A]]",
        "{",
        "}",
        '{"criteria_met":',
        "true",
        "1e999",
        "[" * 50,
        "\\boxed{",
        "CORRECT",
        "TRUE",
        '\\"',
        "9" * 400,
        "\x00",
        " ",
    ]
)
TEXTS = st.none() | st.text(max_size=30) | st.lists(PIECES, max_size=12).map("".join)


@given(st.sampled_from(sorted(FAMILIES)), st.lists(TEXTS, max_size=6), st.booleans())
def test_total_on_any_text(name: str, texts: list[str | None], ties: bool) -> None:
    rows = [
        {
            "id": i,
            "responses": [text],
            "criteria": [{"severity": "low", "points": i}],
            "metadata": {"category": "c", "type": "t", "example_tags": ["e"]},
        }
        for i, text in enumerate(texts)
    ]
    endings = ("", "_criteria0", "_turn0_criteria0", "_turn1_baseline-before", "_turn1_baseline-after")
    answers = {f"{i}{ending}": text for i, text in enumerate(texts) for ending in endings}
    found = judged(name, rows, answers, ties_allowed=ties)
    assert len(found.rows) == len(rows)
    json.dumps(found.metrics, allow_nan=False)
    json.dumps(list(found.rows), allow_nan=False)


@pytest.mark.skipif(not (SPECS / "vectors").is_dir(), reason="needs the official vectors in shared/specs/sea-helm")
@pytest.mark.parametrize(
    "name",
    [f"judge_{kind}" for kind in ("criteria", "mtbench", "lindsea", "pairwise", "correct", "healthbench")]
    + ["refclip"],
)
def test_official_vectors(name: str) -> None:
    tasks = yaml.load((SPECS / "tasks.yaml").read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    families = {task["task"]: task["metric_family"] for task in tasks}
    for case in json.loads((SPECS / "vectors" / f"{name}.json").read_text(encoding="utf-8")):
        found = FAMILIES[families[case["task"]]](
            Case(
                case["task"],
                case["lang"],
                case["rows"],
                case["answer_tag"],
                case.get("judge_rows") or (),
                case.get("config_override") or {},
            )
        )
        if case["expected"]["error"]:
            assert found.problems
        else:
            assert same(found.metrics, case["expected"]["metrics"])
            assert same(list(found.rows), case["expected"]["rows"])
            assert not found.problems


def test_reflections_end_at_the_next_closing_tag_and_take_no_quadratic_time():
    texts = {
        "a_criteria0": "<reflection> one <reflection> </reflection> two </reflection>",
        "a_criteria1": "</reflection><reflection>",
        "a_criteria2": "<reflection>" * 200_000,
    }
    found = judged("judge_criteria", [{"id": "a"}], texts)
    assert found.rows[0]["reflection"] == ["one <reflection>", None, None]
