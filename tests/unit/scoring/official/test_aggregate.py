"""Totals of a run and of several: worked examples, properties, and what the official code gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.scoring.official.aggregate import BOOTSTRAP_SEED, leaderboard, run_scores, run_totals

SPECS = Path(__file__).parents[4] / ".." / "shared" / "specs" / "sea-helm"
TASKS = [
    {"task": "a", "metric": "m", "languages": ["id", "vi"]},
    {"task": "b", "metric": "m", "languages": ["id"], "aggregation_group": "g"},
    {"task": "c", "metric": "m", "languages": ["id"], "aggregation_group": "g"},
    {"task": "mp-r", "metric": "normalized_accuracy", "languages": ["id"]},
    {"task": "syntax", "metric": "m", "languages": ["id"]},
]
needs_specs = pytest.mark.skipif(
    not (SPECS / "vectors").is_dir(), reason="needs the official vectors in shared/specs/sea-helm"
)


def read(name: str) -> Any:
    return json.loads((SPECS / "vectors" / name).read_text(encoding="utf-8"))


def plain(name: str) -> Any:
    return yaml.load((SPECS / name).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    if path.endswith("/remarks"):  # their words are not repeated
        return []
    if isinstance(theirs, Mapping):
        if not isinstance(ours, Mapping) or ours.keys() != theirs.keys():
            return [f"{path}: keys"]
        return [text for key in theirs for text in differences(ours[key], theirs[key], f"{path}/{key}")]
    if isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{path}: length"]
        return [
            text for i, pair in enumerate(zip(ours, theirs, strict=True)) for text in differences(*pair, f"{path}/{i}")
        ]
    if isinstance(theirs, int | float) and not isinstance(theirs, bool):
        return [] if abs(ours - theirs) <= 1e-6 else [f"{path}: {ours} {theirs}"]
    return [] if ours == theirs else [f"{path}: {ours} {theirs}"]


def test_groups_count_once() -> None:
    metrics = {"id": {"n": {"a": {"m": 10}, "b": {"m": 20}, "c": {"m": 40}}, "k": {"syntax": {"m": 0, "error": "x"}}}}
    found = run_totals(metrics, TASKS)
    assert found.metrics["id"]["n"]["g"] == 30
    assert found.metrics["id"]["n"]["total"] == 20
    assert found.metrics["id"]["total"] == found.metrics["total"] == 10
    assert "total" not in metrics["id"]
    assert not found.problems


def test_languages_count_alike() -> None:
    found = run_totals({"id": {"n": {"a": {"m": 10}, "b": {"m": 20}}}, "vi": {"n": {"a": {"m": 85}}}}, TASKS)
    assert found.metrics["total"] == 50


def test_a_suite_chooses_tasks_and_names_what_is_missing() -> None:
    metrics = {"id": {"n": {"a": {"m": 10}, "b": {"m": 20}}}}
    found = run_totals(metrics, TASKS, {"id": ["g"]})
    assert found.metrics["total"] == 20
    assert found.problems == ["id: c of the suite has no metrics, left out"]
    assert len(run_totals(metrics, TASKS, {"id": "all"}).problems) == 3


def diagnostics(**pragmatics: dict[str, list[int]]) -> dict[str, Any]:
    tasks = {f"pragmatic-{name}": {"subcategories": counts} for name, counts in pragmatics.items()}
    return {"id": {"linguistic-diagnostics": {"mp-r": {"normalized_accuracy": 50}, "syntax": {"m": 100}, **tasks}}}


def test_diagnostics_leave_syntax_criteria_out() -> None:
    counts = diagnostics(
        single={"scalar_implicatures": [3, 4], "presuppositions": [1, 2]},
        pair={"scalar_implicatures": [6, 8], "presuppositions": [5, 6]},
    )
    found = run_totals(counts, TASKS)
    part = found.metrics["id"]["linguistic-diagnostics"]
    assert part["pragmatics"]["subcategories"]["scalar_implicatures"] == {
        "accuracy": 0.75,
        "correct_count": 9,
        "total_count": 12,
    }
    assert part["pragmatics"]["accuracy"] == 75
    assert part["pragmatics"]["normalized_accuracy"] == part["lindsea"]["normalized_score"] == part["total"] == 50


def test_diagnostics_without_a_pragmatic_task_give_a_plain_mean() -> None:
    found = run_totals(diagnostics(single={"x": [3, 4]}), [*TASKS, {"task": "pragmatic-single", "metric": "m"}])
    assert found.metrics["total"] == 75
    assert len(found.problems) == 2


def test_nothing_to_average() -> None:
    assert run_totals({}, TASKS).problems
    assert "total" not in run_totals({"id": {"n": {"zzz": {}}}}, TASKS).metrics


def board(scores: list[list[float]], labels: list[Any], **task: Any) -> Any:
    config = {"tasks": {"t": {"competency": "c", "languages": {"id": {}}, **task}}}
    data = {"id": {"c": {"t": {"scores": scores, "labels": [labels] * len(scores)}}}}
    return leaderboard(config, data, len(scores))


def test_one_run_has_no_spread() -> None:
    found = board([[1, 1, 0, 1]], ["A", "A", "B", "B"])
    # recall 1 and 0.5, two labels: (0.75 - 0.5) / 0.5
    assert found.scores["mean"] == found.scores["sea_mean"] == 50
    assert found.scores["stderr"] == 0
    assert len(found.scores["mean_list"]) == 30


def test_runs_are_drawn_per_row() -> None:
    scores = [[10.0, 20.0, 30.0], [11.0, 22.0, 33.0]]
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(0, 2, (30, 3))
    expected = [np.mean([scores[run][row] for row, run in enumerate(runs)]) for runs in drawn]
    found = board(scores, []).scores
    assert found["mean_list"] == pytest.approx(expected)
    assert found["stderr"] == pytest.approx(np.std(expected, ddof=1) / 30**0.5)


def test_defects_are_kept() -> None:
    assert board([[0.5, 0.25]], []).scores["mean"] == 37.5
    assert board([[30.0, 40.0, 50.0]], ["same", "same", "other"]).scores["mean"] == 0
    assert board([[99.0, 98.0, 97.0]], ["A", "A", "B"], use_logprobs=True, max_n_runs=1).scores["mean"] == 0


@pytest.mark.parametrize("labels", [[], ["p", "q"], [["p"], ["p"]], [None, None]])
def test_what_is_no_choice_is_averaged(labels: list[Any]) -> None:
    assert board([[40.0, 60.0]], labels).scores["mean"] == 50


def test_missing_runs() -> None:
    found = board([[40.0], [], [60.0]], [])
    assert found.incomplete == [("id", "c", "t")]
    assert found.scores["is_incomplete"] is found.scores["id"]["c"]["tasks"]["t"]["is_incomplete"] is True
    nothing = board([[], []], [])
    assert nothing.scores["mean"] == 0
    assert not nothing.incomplete
    assert not board([[5.0], []], [], max_n_runs=1).incomplete


def test_runs_of_different_lengths_are_cut_and_named() -> None:
    found = board([[40.0, 50.0], [40.0]], [])
    assert found.scores["mean"] == 40
    assert found.problems


def test_groups_skipped_tasks_and_other_languages() -> None:
    task = {"competency": "c", "languages": {"id": {}, "en": {}}}
    config = {
        "run_args": {"skip_task": ["gone"]},
        "tasks": {
            "a": task,
            "b": task | {"aggregation_group": "g"},
            "c": task | {"aggregation_group": "g"},
            "gone": task,
        },
    }
    value = lambda x: {"scores": [[x, x]], "labels": [[]]}  # noqa: E731
    data = {
        "id": {"c": {"a": value(10.0), "b": value(20.0), "c": value(40.0)}},
        "en": {"c": {"a": value(50.0), "b": value(50.0)}},
    }
    scores = leaderboard(config, data, 1).scores
    assert scores["id"]["c"]["aggregation_groups"]["g"]["mean"] == 30
    assert scores["id"]["mean"] == scores["sea_mean"] == 20
    assert scores["en"]["mean"] == 37.5
    assert scores["mean"] == 28.75
    assert "gone" not in scores["id"]["c"]["tasks"]


def test_no_task_at_all() -> None:
    assert leaderboard({}, {}, 8).problems == ["there is no task"]


def test_scores_of_rows() -> None:
    rows = [
        {"individual_scores": {"x": True, "y": 5}},
        {"individual_scores": {"x": [0.5, None]}},
        {"individual_scores": {"x": 1}, "metadata": {"subcategory": "length_constraints:number_words"}},
        {},
    ]
    assert run_scores(rows, "id") == [1, 0.5, 0, 1, 0]
    assert run_scores(rows, "my") == [1, 0.5, 0, 0]


NUMBERS = st.none() | st.booleans() | st.floats() | st.integers()
LABELS = st.none() | st.text(max_size=2) | st.lists(st.text(max_size=1), max_size=2)


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS, max_size=5), max_size=3), st.lists(LABELS, max_size=5), st.booleans())
def test_total_on_any_scores(scores: list[list[Any]], labels: list[Any], likelihood: bool) -> None:
    task = {"use_logprobs": True, "max_n_runs": 1} if likelihood else {}
    with np.errstate(over="ignore", invalid="ignore"):
        found = board(scores, labels, **task)
    assert len(found.scores["id"]["mean_list"]) == 30


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "mp-r", "?"]), st.dictionaries(st.just("m"), NUMBERS)))
def test_total_on_any_metrics(entries: dict[str, dict[str, Any]]) -> None:
    for competency in ("n", "linguistic-diagnostics"):
        for suite in ({"id": ["g", "?"]}, None):
            found = run_totals({"id": {competency: entries}}, TASKS, suite)
            assert "total" in found.metrics or found.problems, "what has no total says why"


@needs_specs
def test_official_totals() -> None:
    tasks, suites = plain("tasks.yaml"), plain("suites.yaml")["suites"]
    for case in read("aggregate_run.json"):
        for suite in (None, suites[case["suite"]]):
            found = run_totals(case["input"], tasks, suite)
            if case["error"]:
                assert found.problems
            else:
                assert differences(found.metrics, case["expected"]) == []
                assert not found.problems


@needs_specs
def test_official_leaderboards() -> None:
    for case in read("aggregate_leaderboard.json"):
        found = leaderboard(**case["input"])
        if case["error"]:
            assert found.problems
        else:
            assert differences(found.scores, case["expected"]) == []
            assert [list(entry) for entry in found.incomplete] == case["incomplete"]
