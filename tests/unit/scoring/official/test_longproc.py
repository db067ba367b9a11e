import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.scoring.official import longproc
from lontar.scoring.official.case import Case

VECTORS = Path(__file__).parents[4].parent / "shared" / "specs" / "sea-helm" / "vectors"
FAMILIES = {
    "countdown": longproc.countdown,
    "path": longproc.path_traversal,
    "tom": longproc.tom,
    "html": longproc.html_to_tsv,
    "travel": longproc.travel,
}
SEARCH = (
    "<Search Procedure>\nnumbers: 2, 3, 4, 1\n |- Try 2 + 3 = 5.\n  |- Try 5 * 4 = 20.\n  |- Try 20 - 1 = 19.\n"
    "</Search Procedure>"
)
GAME = {"nums": [2, 3, 4, 1], "target": 19, "search_procedure": SEARCH}
SOLVED = "<Solution>\n2 + 3 = 5\n5 * 4 = 20\n20 - 1 = 19\n</Solution>"
ROUTE = "From Solo, take a bus to Medan.\nFrom Medan, take a ferry to Hue.\nFrom Hue, take a train to Bago."
BELIEFS = "Ani's belief:\n- Step 0: the shelf\n- Step 1: the box\nFinal Answer: the box"
TRIP = {
    "ground_truth_cities": "Hue**Bago",
    "ground_truth_durations": "3**2",
    "solving_procedure": "<Solving Procedure>\nGo to Hue.\nGo to Bago.\n</Solving Procedure>",
}
PLAN = "<Plan>\n**Day 1-3:** Visit Hue.\n**Day 3:** Fly from Hue to Bago.\n**Day 3-4:** Visit Bago.\n</Plan>"
TABLE = "name\tprice\nMangga\t5,000\nThe Pisang\t300"
LABELS = {"countdown": GAME, "path": ROUTE, "tom": BELIEFS, "travel": TRIP, "html": TABLE}


def scored(name, *responses):
    rows = [{"id": i, "label": LABELS[name], "responses": [text]} for i, text in enumerate(responses)]
    return FAMILIES[name](Case(task=name, lang="en", rows=rows))


def partials(result):
    return [row["individual_scores"]["normalized_partial_accuracy_score"] for row in result.rows]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2 + 3 = 5\n5 * 4 = 20\n20 - 1 = 19", True),
        ("2+3=5\n 5*4 = 20 \n20-1=19", True),
        ("2 + 3 = 6\n6 * 4 = 24\n24 - 1 = 23", False),  # not true
        ("2 + 3 = 5\n2 * 4 = 8\n8 - 1 = 7", False),  # 2 is used up
        ("2 + 3 = 5\n5 * 4 = 20", False),
        ("2 - 2 = 0\n3 / 0 = 0\n4 - 1 = 3", False),
        ("__import__('os').getpid() = 1\n5 * 4 = 20\n20 - 1 = 19", False),
        ("9**9**9 = 1\n5 * 4 = 20\n20 - 1 = 19", False),
    ],
)
def test_is_solution(text, right):
    assert longproc.is_solution(text, [2, 3, 4, 1], 19) is right


def test_division_must_come_out_even():
    assert longproc.is_solution("6 / 2 = 3\n3 * 4 = 12\n12 + 1 = 13", [6, 2, 4, 1], 13)
    assert not longproc.is_solution("7 / 2 = 3.5\n3.5 * 4 = 14\n14 + 1 = 15", [7, 2, 4, 1], 15)
    assert not longproc.is_solution("7 / 3 = 2.333\n2.333 * 3 = 7\n7 + 1 = 8", [7, 3, 3, 1], 8)


def test_countdown():
    wrong_search = SEARCH.replace("5 * 4", "5 + 4")
    result = scored("countdown", SEARCH + SOLVED, SOLVED, wrong_search, SEARCH, "I give up.", None)
    assert partials(result) == pytest.approx([1.0, 1.0, 1 / 3, 2 / 3, 0.0, 0.0])
    assert result.metrics["extraction_rate"] == result.metrics["accuracy"] == pytest.approx(100 / 3)
    assert not result.problems


def test_a_search_cut_short_is_scored_and_reported():
    result = scored("countdown", SEARCH.rsplit("\n", 2)[0])
    assert partials(result) == pytest.approx([2 / 3])
    assert "answers 0 have" in result.problems[0]


def test_path_traversal():
    first = ROUTE.split("\n")[0]
    result = scored(
        "path",
        f"<Route>{ROUTE}</Route>",
        f"<Route>\n{first}\n</Route>",
        f"<Route>\n{first}\nno\n{first}\n</Route>",
        ROUTE,
        f"<Route>{ROUTE}\nmore</Route>",
    )
    assert partials(result) == pytest.approx([1.0, 1 / 3, 2 / 3, 0.0, 1.0])
    assert result.metrics["accuracy"] == pytest.approx(20)
    assert result.metrics["extraction_rate"] == pytest.approx(80)


def test_tom():
    result = scored("tom", BELIEFS.upper(), "- step 0: shelf\n- I think step 1: box", "- step 0: shelf\n- step 1: bag")
    assert partials(result) == [1.0, 0.5, 0.5]
    assert "extraction_rate" not in result.metrics
    assert scored("tom", "- Step 0: shelf\n- believes Step 1: know box").metrics["accuracy"] == 100
    assert scored("tom", BELIEFS + "\n- more").problems
    assert scored("tom", "").problems


def test_travel():
    followed = TRIP["solving_procedure"].replace("Bago", "Solo")
    result = scored("travel", PLAN, PLAN.replace("to Bago", "to Solo"), followed, PLAN.replace("Day 3-4", "Day 3-5"))
    assert partials(result) == [1.0, 0.0, 0.5, 0.0]
    assert result.metrics["extraction_rate"] == 75
    assert not result.problems
    assert scored("travel", TRIP["solving_procedure"] + "\nmore").problems


def test_stays_count_a_day_of_flight_twice():
    assert longproc.stays(PLAN) == (["Hue", "Bago"], [3, 2])
    assert longproc.stays("Day 2: Fly from Solo to Ho Chi Minh City.\nDay 2-9: there") == (["Solo", "Ho"], [2, 8])
    assert longproc.stays("Day 2: Fly from Tel Aviv to Solo.\nDay 2-9: there") == ([], [])
    assert longproc.stays("nothing") == ([], [])


@pytest.mark.parametrize(
    ("table", "scores", "error"),
    [
        (TABLE, (1, 1, 1), ""),
        ("name\tprice\npisang\t300", (1, 0.5, 2 / 3), ""),
        ("name\tprice\nMangga\t5000\nPisang", (1, 0.5, 2 / 3), ""),  # the last line is a remark
        ("name\tprice\nMangga\t5000\tx\nPisang\t300", (0.5, 0.5, 0.5), ""),  # too many cells
        ("name\tprice", (0, 0, 0), "AttributeError"),
        ("name\nMangga", (0, 0, 0), "ValueError"),
        ("", (0, 0, 0), "AttributeError"),
        (None, (0, 0, 0), "AttributeError"),
    ],
)
def test_table_scores(table, scores, error):
    found, name = longproc.table_scores(TABLE, table)
    assert found == pytest.approx(scores)
    assert name == error


def test_html_to_tsv():
    result = scored("html", f"Here:\n```tsv\n{TABLE}\n```\nand", "none", "```tsv\nname\nSoto\n```")
    assert result.metrics["normalized_f1"] == pytest.approx(100 / 3)
    assert result.metrics["parsing_errors"] == {"AttributeError": 1, "ValueError": 1}
    assert [row["cleaned_responses"] for row in result.rows] == [TABLE, None, "name\nSoto"]


@given(
    st.sampled_from(sorted(FAMILIES)),
    st.lists(
        st.text(max_size=20)
        | st.sampled_from(["<Solution>", "</Solution>", "<Plan>", "</Plan>", "```tsv\n", "```", " |- ", "\n- "])
        | st.sampled_from(["<Route>", "</Route>", "\n", "\t", "1 + 1 = 2", "Day 1: from a to b", SEARCH, PLAN, TABLE]),
        max_size=8,
    ),
    st.none() | st.text() | st.dictionaries(st.sampled_from(["nums", "target"]), st.text() | st.integers()),
)
def test_families_are_total(name, parts, label):
    row = {"id": 0, "label": label, "responses": ["".join(parts)]}
    result = FAMILIES[name](Case(task=name, lang="en", rows=[row]))
    assert all(0 <= value <= 1 for value in result.rows[0]["individual_scores"].values())
    assert FAMILIES[name](Case(task=name, lang="en", rows=[])).rows == []


@pytest.mark.skipif(not VECTORS.exists(), reason=f"no SEA-HELM vectors at {VECTORS}")
def test_official_scores():
    for case in json.loads((VECTORS / "longproc.json").read_text(encoding="utf-8")):
        result = FAMILIES[case["task"].split("_")[0]](Case(task=case["task"], lang=case["lang"], rows=case["rows"]))
        expected = case["expected"]
        assert bool(result.problems) == bool(expected["error"])
        if expected["error"]:
            continue
        assert result.metrics.pop("parsing_errors", None) == expected["metrics"].pop("parsing_errors", None)
        assert result.metrics == pytest.approx(expected["metrics"], abs=1e-6)
        for own, official in zip(result.rows, expected["rows"], strict=True):
            assert own["cleaned_responses"] == official["cleaned_responses"]
            assert own["individual_scores"] == pytest.approx(official["individual_scores"], abs=1e-6)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_row_without_a_label_is_wrong_and_named(name):
    answer = "<Route></Route><Plan></Plan><Solution></Solution>```tsv\n```"
    found = FAMILIES[name](Case(task=name, lang="en", rows=[{"id": 4, "responses": [answer]}]))
    assert found.metrics["f1" if name == "html" else "accuracy"] == 0
    assert "row 4: no label, counted as wrong" in found.problems
