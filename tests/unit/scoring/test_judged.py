"""Scores of judged rows: worked examples, any text at all, and what the official code gave where it does no wrong."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages
from lontar.core.records import Message
from lontar.errors import ConfigError
from lontar.scoring import Judgement, Prediction, RowScore, Sample, aggregate, scorer
from lontar.scoring.judged import (
    agreement,
    cohen_kappa,
    krippendorff_alpha,
    own_questions,
    parse_choice,
    visible,
)
from lontar.scoring.official import Case, score
from lontar.scoring.official.judges import DEGREES, MET

VECTORS = Path(__file__).parents[3].parent / "shared" / "specs" / "sea-helm" / "vectors"


def scored(
    name: str, answers: dict[str, str | None], row: dict[str, Any] | None = None, turns: int = 1, **knobs: Any
) -> RowScore:
    given = tuple(Judgement(id=key, text=text) for key, text in answers.items())
    sample = Sample(id="s", lang="id", facts={"row": row or {}})
    found = scorer.get(name).function(
        sample, Prediction(texts=("x",) * turns, judgements=given), languages.get("id"), **knobs
    )
    assert isinstance(found, RowScore)
    return found


def tag(name: str) -> str:
    return f"<reflection>because</reflection><classification>{name}</classification>"


def criteria(n: int, **more: Any) -> dict[str, Any]:
    return {"criteria": [{"criterion": "c", **more} for _ in range(n)]}


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("<classification>CLASS_MAJORLY_MET</classification>", 0.75),
        ("<classification>\n class_majorly_met.\n</classification>", 0.75),
        ("< Classification >**CLASS MAJORLY MET**</Classification>", 0.75),
        ("<classification>CLASS_UNMET</classification> no, <classification>CLASS_EXACTLY_MET</classification>", 1.0),
        ("```xml\n<classification>`majorly-met`\n```", 0.75),
        ("<think>CLASS_UNMET <classification>CLASS_UNMET</classification></think>It is so.\nCLASS_MODERATELY_MET", 0.5),
        ("<think>on and on <classification>CLASS_UNMET</classification>", None),
        ("thinking without a start CLASS_UNMET</think>\nClassification: **CLASS_SLIGHTLY_MET**", 0.25),
        ("<|channel|>analysis<|message|>CLASS_UNMET<|channel|>final<|message|>CLASS_EXACTLY_MET<|return|>", 1.0),
        ('```json\n{"reflection": "r",\n "classification": "CLASS_UNMET"\n}\n```', 0.0),
        ("<classification>CLASS_SOMEHOW</classification>", None),
        ("<classification></classification>", None),
        ("Not CLASS_EXACTLY_MET", None),
        ("CLASS_EXACTLY_MET or CLASS_UNMET", None),
        ("The degree is CLASS_EXACTLY_MET here.\nThat is all.", None),
        ("", None),
    ],
)
def test_classifications(text: str, points: float | None) -> None:
    assert parse_choice(text, DEGREES) == points


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("4", 0.75),
        ("<score>4/5</score>", 0.75),
        ("Score: 4.0", 0.75),
        ('{"why": "fine", "score": 4}', 0.75),
        ("คะแนน: ๔", 0.75),
        ("I give it **4 out of 5**.", 0.75),
        ("between 3 and 4", None),
        ("4.5", None),
        ("-4", None),
        ("24", None),
        ("9" * 400, None),
        ("nan", None),
    ],
)
def test_numbers(text: str, points: float | None) -> None:
    assert parse_choice(text, {"1": 0.0, "2": 0.25, "3": 0.5, "4": 0.75, "5": 1.0}) == points


def test_words_of_a_scale() -> None:
    labels = {"very good": 1.0, "good": 0.5, "bad": 0.0}
    assert parse_choice("I find it Very  Good!", labels) == 1
    assert parse_choice("It isn't good", labels) is None
    assert parse_choice("goodness", labels) is None
    assert parse_choice("anything", {}) is None
    assert parse_choice("anything", {"": 1.0}) is None


def test_what_is_visible() -> None:
    assert visible("<think>a</think>b<THINK>c</THINK>d") == "d"
    assert visible("a<thinking>b") == "a"
    assert visible("a < b") == "a < b"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "< ",
        "<think>",
        "</think>",
        "<classification>",
        '"score":',
        "CLASS_",
        "criteria_met ",
        "[ [",
        "not ",
        "_ -",
        "{",
    ],
)
def test_no_quadratic_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begin = time.perf_counter()
    scored("judged_criteria", {"s_criteria0": text}, criteria(1))
    scored("judged_points", {"s_criteria0": text}, criteria(1, points=1))
    scored("judged_correct", {"s": text})
    scored("judged_pairwise", {"s_turn1_baseline-before": text, "s_turn1_baseline-after": text})
    assert time.perf_counter() - begin < 30


# --- scorers ---------------------------------------------------------------------------------------------------------


def test_criteria() -> None:
    answers: dict[str, str | None] = {
        "7_criteria0": tag("CLASS_EXACTLY_MET"),
        "7_criteria1": tag("CLASS_MODERATELY_MET"),
    }
    assert scored("judged_criteria", answers, criteria(2)) == RowScore(value=0.75, statistics=(0.75, 1))
    assert scored("judged_criteria", answers).value == 0.75  # a row that does not list its criteria
    found = scored("judged_criteria", {**answers, "7_criteria2": "hm", "7_criteria9": tag("CLASS_UNMET")}, criteria(4))
    assert found.value == 0.75
    assert found.reason == "judge gave no classification for 2 of 4 criteria: 1 not answered, 1 unreadable"
    found = scored("judged_criteria", {"7_criteria0": tag("CLASS_EXACTLY_MET"), "7_criteria1": None}, criteria(3))
    assert (found.value, found.statistics) == (None, (0, 0))
    assert found.reason == "judge gave no classification for 2 of 3 criteria: 2 not answered"
    assert scored("judged_criteria", {}).reason == "no criteria to judge the answer by"
    assert scored("judged_criteria", {"a_criteria0": "good"}, labels={"good": 0.3}).value == 0.3


def test_turns() -> None:
    row = {"criteria": [{"turn": 0}, {"turn": 0}, {"turn": 1}]}
    answers: dict[str, str | None] = {
        "q_turn0_criteria0": tag("CLASS_EXACTLY_MET"),
        "q_turn0_criteria1": tag("CLASS_UNMET"),
        "q_turn1_criteria2": tag("CLASS_EXACTLY_MET"),
    }
    assert scored("judged_turns", answers, row).value == 0.75
    assert scored("judged_turns", answers).value == 0.75  # turns are in the ids too
    # A turn of which nothing is known leaves the row without a value, one without criteria does not.
    found = scored("judged_turns", {**answers, "q_turn1_criteria2": None}, row)
    assert found.value is None
    assert found.reason == "judge gave no classification for 1 of 3 criteria: 1 not answered"
    assert scored("judged_turns", answers, {"criteria": row["criteria"][:2]}).value == 0.5
    assert scored("judged_turns", {}).value is None


def test_syntax_pairs_by_number() -> None:
    severities = ["low"] * 2 + ["generic"] + ["low"] * 8
    row = {"criteria": [{"severity": s} for s in severities]}
    answers: dict[str, str | None] = {
        f"0_criteria{i}": tag("CLASS_MET" if i in (2, 10) else "CLASS_UNMET") for i in range(11)
    }
    assert scored("judged_syntax", answers, row).value == pytest.approx(0.1)
    row = {"criteria": [{"severity": s} for s in ("HIGH", "medium", "nonsense", "Generic", "generic")]}
    answers = {f"0_criteria{i}": tag(f"CLASS_{name}MET") for i, name in enumerate(("", "UN", "", "", "UN"))}
    assert scored("judged_syntax", answers, row).value == pytest.approx(11 / 32)
    # The medium one is unknown: 11 of 11 are met.
    found = scored("judged_syntax", {**answers, "0_criteria1": "?"}, row)
    assert (found.value, found.reason) == (0.5, "judge gave no classification for 1 of 5 criteria: 1 unreadable")
    assert scored("judged_syntax", {**answers, "0_criteria3": None, "0_criteria4": None}, row).value is None
    assert scored("judged_syntax", {"0_criteria0": tag("CLASS_MET")}, {"criteria": [{"severity": "low"}]}).value == 1
    assert scored("judged_syntax", answers).value is None


@pytest.mark.parametrize(
    ("before", "after", "value", "agree"),
    [
        ("[[B]]", "so [[A]]", 1.0, (1, 1)),
        ("[[A]]", "[[ b ]]", 0.0, (1, 1)),
        ("[[C]]", "[[C]]", 0.5, (1, 1)),
        ("[[B]]", "[[B]]", 0.5, (0, 1)),
        ("[[A]] no\n\n**[[B]]**", "[[A]]", 1.0, (1, 1)),
        ("[[A]] and [[B]]", "[[A]]", None, (0, 0)),
        (None, "[[A]]", None, (0, 0)),
    ],
)
def test_pairwise(before: str | None, after: str, value: float | None, agree: tuple[int, int]) -> None:
    found = scored("judged_pairwise", {"3_turn1_baseline-before": before, "3_turn1_baseline-after": after})
    assert found.value == value
    assert found.statistics[2:] == agree
    assert (found.reason is None) is (value is not None)


def test_pairwise_turns_and_settings() -> None:
    answers: dict[str, str | None] = {"3_turn1_baseline-before": "<b>", "3_turn1_baseline-after": "<a>"}
    labels = {"A_wins": "<a>", "B_wins": "<b>", "Tie": "<t>"}
    found = scored("judged_pairwise", answers, turns=2, labels=labels)
    assert (found.value, found.statistics) == (1.0, (1, 1, 1, 1))
    assert found.reason == "judge gave no verdict for 2 of 4 comparisons: 2 not answered"
    assert scored("judged_pairwise", answers, turns=3, labels=labels).value is None
    assert scored("judged_pairwise", {}, turns=0).reason == "no turns to judge the answer by"
    ties: dict[str, str | None] = {"3_turn1_baseline-before": "[[B]] not [[C]]", "3_turn1_baseline-after": "[[A]]"}
    assert scored("judged_pairwise", ties, ties=False).value == 1


def test_aggregates() -> None:
    rows = [
        scored("judged_pairwise", {"3_turn1_baseline-before": a, "3_turn1_baseline-after": b})
        for a, b in (("[[B]]", "[[A]]"), ("[[A]]", "[[A]]"), ("[[A]]", None))
    ]
    assert aggregate.use("judged_percent")(rows) == 75
    assert aggregate.use("order_agreement")(rows) == 0.5
    assert aggregate.use("mean")(rows) == 0.5
    assert math.isnan(aggregate.use("order_agreement")([RowScore(value=1.0, statistics=(1.0, 1.0))]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CORRECT", 1.0),
        ("The answer is *correct*.", 1.0),
        ("INCORRECT", 0.0),
        ("It is not correct", 0.0),
        ("CORRECT or INCORRECT?\nINCORRECT", 0.0),
        ("CORRECT, not INCORRECT", None),
        ("<think>INCORRECT?</think>CORRECT", 1.0),
        ("correctly", None),
        (None, None),
    ],
)
def test_correct(text: str | None, value: float | None) -> None:
    found = scored("judged_correct", {"5": text})
    assert found.value == value
    assert (found.reason is None) is (value is not None)


def test_points() -> None:
    row = {"criteria": [{"points": p} for p in (6, 4, -3, 2)]}
    answers: dict[str, str | None] = {
        "0_criteria0": 'no {"criteria_met": false} but {"explanation": "in {braces}", "criteria_met": true}',
        "0_criteria1": '{\\"criteria_met\\": true}',
        "0_criteria2": '```json\n{"criteria_met": "Yes"}\n```',
        "0_criteria3": '{"criteria_met": false}',
    }
    assert scored("judged_points", answers, row).value == pytest.approx(7 / 12)
    found = scored("judged_points", {**answers, "0_criteria1": '{"criteria_met": {"x": true}}'}, row)
    assert found.value == pytest.approx(3 / 8)
    assert found.reason == "judge gave no classification for 1 of 4 criteria: 1 unreadable"
    assert scored("judged_points", {"0_criteria0": answers["0_criteria0"]}, row).value is None
    losing: dict[str, Any] = {"criteria": [{"points": -3}, {"points": 3}]}
    both: dict[str, str | None] = {"0_criteria0": "criteria_met: true", "0_criteria1": "criteria_met: false"}
    assert scored("judged_points", both, losing).value == 0
    assert scored("judged_points", both, {"criteria": [{"points": -3}]}).reason == "no points to be won"
    assert scored("judged_points", both, {"criteria": [{"points": "x"}, {}]}).reason == "no points to be won"
    assert scored("judged_points", both, {"criteria": [{"points": 1e308}] * 2}).value == 0.5
    assert scored("judged_points", both).value is None


def test_scale() -> None:
    labels = {"1": 0.0, "2": 0.5, "3": 1.0}
    assert scored("judged_scale", {"s_criteria0": "3", "s_criteria1": "2"}, labels=labels).value == 0.75
    found = scored("judged_scale", {"s": "perhaps"}, labels=labels)
    assert (found.value, found.reason) == (None, "judge gave no classification for 1 of 1 judgements: 1 unreadable")
    assert scored("judged_scale", {}, labels=labels).reason == "judge gave no judgement"


# --- questions of one's own ------------------------------------------------------------------------------------------


def test_own_questions() -> None:
    chat = (Message(role="system", content="be brief"), Message(role="user", content="Ibu kota {answer}?"))
    sample = Sample(id="a/1", lang="id", turns=(chat,), references=("Jakarta", "DKI"))
    prompt = 'Q {question} A {answer} R {reference} as {"score": 1} {other}'
    (only,) = own_questions(prompt, sample, "{reference}", ())
    assert only.id == "a/1"
    expected = 'Q Ibu kota {answer}? A {reference} R Jakarta\nDKI as {"score": 1} {other}'
    assert only.messages == (Message(role="user", content=expected),)
    found = own_questions("{answer}: {criterion}", sample, "x", ["short", "kind"])
    assert [(one.id, one.messages[0].content) for one in found] == [
        ("a/1_criteria0", "x: short"),
        ("a/1_criteria1", "x: kind"),
    ]
    with pytest.raises(ConfigError, match=r"no \{answer\}"):
        own_questions("{question}", sample, "x", ())
    with pytest.raises(ConfigError, match=r"no \{criterion\}"):
        own_questions("{answer}", sample, "x", ["short"])
    twice = Sample(
        id="b", lang="id", turns=("one", (Message(role="user", content="one"), Message(role="user", content="2")))
    )
    assert own_questions("{question}{answer}", twice, "!", ())[0].messages[0].content == "one\n\n2!"


# --- agreement -------------------------------------------------------------------------------------------------------


def test_krippendorff_on_the_data_of_his_paper() -> None:
    # Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": four observers, twelve units.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = list(zip(*rows, strict=True))
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(units, distance="interval") == pytest.approx(0.849, abs=5e-4)


def test_cohen() -> None:
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([("y", "y")] * 3) is None
    assert cohen_kappa([]) is None


def test_agreement_of_a_judge_with_people() -> None:
    found = agreement([1, 0, 1, None, 0.5], [1, 0, 0, 1, 0.5])
    assert (found.n, found.same) == (4, 0.75)
    assert found.kappa == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))
    assert found.alpha is not None
    assert agreement([], []).same is None
    assert agreement([1, 1], [1, 1]).alpha is None
    assert agreement([0, 1, 0, 1], [1, 0, 1, 0]).kappa == -1
    with pytest.raises(ValueError, match="shorter"):
        agreement([1], [])


@given(st.lists(st.tuples(*[st.none() | st.floats(-1e6, 1e6)] * 2), max_size=20))
def test_agreement_is_symmetric(pairs: list[tuple[float | None, float | None]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = agreement(first, second), agreement(second, first)
    assert (there.n, there.same) == (back.n, back.same)
    assert there.alpha == pytest.approx(back.alpha) if there.alpha is not None else back.alpha is None


# --- any text, and the official vectors ------------------------------------------------------------------------------

WORDS = "CLASS_MET [[A]] [[B]] { } criteria_met true CORRECT ``` \ud800 \x00 ๔ ² : <think> </think> <classification>"
PIECES = st.sampled_from([*WORDS.split(" "), "</classification>", '"score":', "not ", "\\boxed{", "9" * 400, " ", "\n"])
TEXTS = st.none() | st.text(max_size=30) | st.lists(PIECES, max_size=12).map("".join)
JSON = st.none() | st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.integers(0, 3), max_size=2)
ENDINGS = st.sampled_from(
    [
        *("", "_criteria0", "_criteria1", "_criteria999999999", "_criteria²", "_turn0_criteria0", "_turn1_criteria1"),
        *("_turn1_baseline-before", "_turn1_baseline-after", "_turn2_baseline-after"),
    ]
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "criteria": st.lists(
            st.dictionaries(st.sampled_from(["severity", "points", "turn", "criterion"]), JSON, max_size=4) | JSON,
            max_size=3,
        )
        | JSON
    },
)
NAMES = ["judged_criteria", "judged_turns", "judged_syntax", "judged_pairwise", "judged_correct", "judged_points"]


@given(st.sampled_from(NAMES), st.dictionaries(ENDINGS, TEXTS, max_size=5), ROWS | JSON, st.integers(0, 2))
def test_total_on_any_text(name: str, answers: dict[str, str | None], row: Any, turns: int) -> None:
    found = scored(name, {f"s{ending}": text for ending, text in answers.items()}, row, turns)
    assert found.value is None or 0 <= found.value <= 1
    assert found.value is not None or found.reason
    assert all(math.isfinite(x) for x in found.statistics)


@given(TEXTS, st.dictionaries(st.text(max_size=5), st.floats(0, 1), max_size=4))
def test_a_choice_is_of_the_labels(text: str | None, labels: dict[str, float]) -> None:
    found = parse_choice(text or "", labels)
    assert found is None or found in labels.values()


FORMS: dict[str, tuple[str, ...]] = {
    "criteria": tuple(tag(name) for name in DEGREES),
    "mtbench": tuple(tag(name) for name in DEGREES),
    "lindsea": tuple(tag(name) for name in MET),
    "correct": ("CORRECT", "INCORRECT", "The answer is CORRECT.", "INCORRECT."),
    "healthbench": ('{"criteria_met": true}', '{\\"criteria_met\\": true}', '{"criteria_met": false}'),
    "pairwise": ("[[B]] is better", "verdict [[A]]", "[[C]]"),
}
"""what the official code reads as it is meant"""


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the official vectors in shared/specs/sea-helm")
@pytest.mark.parametrize("repaired", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("criteria", "judged_criteria", "final_scores"),
        ("mtbench", "judged_turns", "final_scores"),
        ("lindsea", "judged_syntax", "overall_score"),
        ("correct", "judged_correct", "score"),
        ("healthbench", "judged_points", "final_scores"),
        ("pairwise", "judged_pairwise", "final_judgement"),
    ],
)
def test_official_vectors_where_nothing_is_wrong(kind: str, name: str, key: str, repaired: bool) -> None:
    """Rows of the vectors as they are, and with every answer that one of the two cannot read put right.

    The official marks of the latter are by `official.judges`, which gives those of all vectors as they are.
    """
    compared = 0
    for vector in json.loads((VECTORS / f"judge_{kind}.json").read_text(encoding="utf-8")):
        if vector["task"] in ("babyvision", "mathvision") or (vector["expected"]["error"] and not repaired):
            continue
        given = {one["custom_ids"]: one["responses"] for one in vector["judge_rows"]}
        if repaired:
            given = {key: _repaired(kind, i, text) for i, (key, text) in enumerate(given.items())}
        settings = vector.get("config_override") or {}
        judge_rows = [{"custom_ids": key, "responses": text} for key, text in given.items()]
        case = Case(vector["task"], vector["lang"], vector["rows"], judge_rows=judge_rows, settings=settings)
        knobs = {"ties": settings["ties_allowed"]} if kind == "pairwise" else {}
        for row, official in zip(vector["rows"], score(f"judge_{kind}", case).rows, strict=True):
            own = str(row.get("id", row.get("question_id")))
            answers = {k: text for k, text in given.items() if k == own or k.startswith(f"{own}_")}
            readable = all(_readable(kind, text) for text in answers.values())
            if readable and not _differs(kind, row, official):
                found = scored(name, answers, row, len(row["responses"]), **knobs)
                assert found.value == pytest.approx(_official(official[key]), abs=1e-9), (own, answers)
                assert found.reason is None
                compared += 1
    assert compared or not repaired


def _readable(kind: str, text: str | None) -> bool:
    end = (text or "").rpartition("</reflection>")[2]
    return text in FORMS[kind] or any(end and form.endswith(end) for form in FORMS[kind])


def _repaired(kind: str, i: int, text: str | None) -> str | None:
    return text if _readable(kind, text) else FORMS[kind][i % len(FORMS[kind])]


def _official(value: Any) -> float:
    if not isinstance(value, list):
        return float(value)
    return sum({"WIN": 1.0, "TIE": 0.5}.get(verdict, 0.0) for verdict in value) / len(value)


def _differs(kind: str, row: dict[str, Any], official: Any) -> bool:
    """Rows on which ours differs from the official marks by intent."""
    criteria = row.get("criteria") or []
    if kind == "mtbench":
        return {one["turn"] for one in criteria} != {0, 1}
    if kind == "lindsea":
        return len(criteria) > 10 or len({one["severity"].lower() == "generic" for one in criteria}) < 2
    return kind == "pairwise" and "ERROR" in official["final_judgement"]
