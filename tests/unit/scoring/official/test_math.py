import json
import logging
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.scoring.official import math
from lontar.scoring.official.case import Case

pytest.importorskip("math_verify")
VECTORS = Path(__file__).parents[4].parent / "shared" / "specs" / "sea-helm" / "vectors"


@pytest.mark.parametrize(
    ("label", "response", "right"),
    [
        ("7", "So there are \\boxed{7} mangoes.", True),
        ("0.25", "$\\frac{1}{4}$", True),
        ("7", "8", False),
        ("7", "", False),
        ("7", "ไม่รู้", False),
        ("", "7", False),
    ],
)
def test_is_equal(label, response, right):
    assert math.is_equal(label, response) is right


def test_a_thread_cannot_set_an_alarm_and_scores_all_the_same():
    found = []
    thread = threading.Thread(target=lambda: found.append(math.is_equal("7", "\\boxed{7}")))
    thread.start()
    thread.join()
    assert found == [True]


def test_metrics_are_percentages_and_rows_are_not():
    rows = [{"label": "3", "responses": ["3"]}, {"label": 0, "responses": ["0"]}, {"label": "3", "responses": [None]}]
    scored = math.math_verify(Case(task="aime", lang="en", rows=rows))
    assert scored.metrics["math_verify_score"] == pytest.approx(200 / 3)
    assert [row["individual_scores"]["normalized_math_verify_score"] for row in scored.rows] == [1.0, 1.0, 0.0]
    assert math.math_verify(Case(task="aime", lang="en", rows=[])).metrics["math_verify_score"] == 0.0


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet="0123456789+-/^(){}\\$ =,.xกက", max_size=12))
def test_it_is_total(text):
    assert math.is_equal("7", text) in (True, False)


@pytest.mark.skipif(not VECTORS.exists(), reason=f"no SEA-HELM vectors at {VECTORS}")
def test_official_scores():
    for case in json.loads((VECTORS / "math_verify.json").read_text(encoding="utf-8")):
        scored = math.math_verify(Case(task=case["task"], lang=case["lang"], rows=case["rows"]))
        assert scored.metrics == pytest.approx(case["expected"]["metrics"], abs=1e-6)
        assert list(scored.rows) == case["expected"]["rows"]


def test_a_row_without_a_label_is_wrong_and_named():
    scored = math.math_verify(Case(task="aime", lang="en", rows=[{"id": 2, "label": None, "responses": ["None"]}]))
    assert scored.metrics["math_verify_score"] == 0
    assert [*scored.problems] == ["row 2: no label, counted as wrong"]


def test_an_answer_is_not_written_to_the_log():
    math.is_equal("7", "7")
    assert not logging.getLogger("math_verify.parser").isEnabledFor(logging.ERROR)
