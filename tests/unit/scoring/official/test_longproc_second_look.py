"""Rules of LongProc that a comparison with the official code on random answers brought up."""

import time

import pytest

from lontar.scoring.official import longproc
from lontar.scoring.official.case import Case

PICK, TRY = " |- Pick two numbers (8, 2)", "  |- Try 8 / 2 = 4. Keep 4."
DROP = "  |- Try 8 - 2 = 6. 6 is no use, drop this branch."
SEARCH = f"<Search Procedure>\nnumbers: 8, 2\n{PICK}\n{TRY}\n{DROP}\n{PICK}\n</Search Procedure>"
GAME = {"nums": [8, 2, 3, 1], "target": 12, "search_procedure": SEARCH}
BASE = "Day 1-3: Hue.\nDay 3: Fly from Hue to Bago.\nDay 3-4: Bago."
STEPS = "<Solving Procedure>\nGo to Hue.\nStay in the hotel.\n</Solving Procedure>"
TRIP = {"ground_truth_cities": "Hue**Bago**", "ground_truth_durations": "3**2**", "solving_procedure": STEPS}
TABLE = "name\tprice\tcity\nMie Ayam\t12\tSolo\nThe Pho\t4\tHue\nSoto\t3\tBago"


def judged(family, label, response):
    """The partial score, whether the answer is right, and problems."""
    case = Case(task="t", lang="en", rows=[{"id": 7, "label": label, "responses": [response]}])
    result = family(case)
    return (
        result.rows[0]["individual_scores"]["normalized_partial_accuracy_score"],
        result.metrics["accuracy"] == 100,
        " ".join(result.problems),
    )


@pytest.mark.parametrize(
    ("old", "new", "partial", "problem"),
    [
        ("", "", 3 / 4, ""),  # without a solution it is never 1
        ("= 4. Keep", "= 5. Take", 3 / 4, ""),  # only what stands before the sign is compared
        ("6 is no use, ", "", 3 / 4, ""),
        ("drop this branch", "go on", 2 / 4, ""),
        ("Try 8 - 2", "Try 2 - 8", 2 / 4, ""),
        (" |- Pick", "|- Pick", 0, ""),
        ("numbers: 8", "Numbers: 8", 0, ""),
        (DROP, DROP + "\n", 3 / 4, ""),
        (f"{DROP}\n", "", 2 / 4, ""),
        (f"\n{PICK}\n</", "\n</", 3 / 4, "ValueError"),
        ("<Search Procedure>\n", "Let me see. <Search Procedure>", 3 / 4, ""),
        ("\n</Search Procedure>", "", 3 / 4, ""),
        ("\n</Search Procedure>", "\nmore", 3 / 4, "ValueError"),
    ],
)
def test_a_search_is_followed_by_its_actions(old, new, partial, problem):
    found, right, problems = judged(longproc.countdown, GAME, SEARCH.replace(old, new) if old else SEARCH)
    assert (found, right) == (partial, False)
    assert problem in problems and bool(problem) == bool(problems)


@pytest.mark.parametrize(
    ("procedure", "partial", "problem"),
    [
        (SEARCH.replace(TRY, "nothing"), 1 / 4, "neither a choice nor a try"),
        (SEARCH.replace("<Search Procedure>\n", ""), 3 / 4, "label without <Search Procedure>"),
        ("<Search Procedure>\nnumbers: 8, 2", 0, "label without steps"),
        (None, 0, "label without <Search Procedure>"),
    ],
)
def test_a_label_the_official_code_stops_at_is_named(procedure, partial, problem):
    found, _, problems = judged(longproc.countdown, {**GAME, "search_procedure": procedure}, SEARCH)
    assert found == partial
    assert problem in problems
    assert "answers 7 have" in problems or "answers 7 differ" in problems


@pytest.mark.parametrize(
    ("equation", "right", "problem"),
    [
        ("8 / 2 = 4", True, ""),
        ("8/2=+4", True, ""),
        ("8 / 2 = 4.0", False, ""),
        ("8 / 2 = 4 = 4", False, ""),
        ("08 / 2 = 4", False, ""),
        ("(8 / 2) = 4", False, ""),
        ("8 // 2 = 4", False, ""),
        ("Step 1: 8 / 2 = 4", False, ""),
        ("8 \N{DIVISION SIGN} 2 = 4", False, ""),
        ("8 / 0 = 4", False, "ZeroDivisionError"),
        ("8 / (2 - 2) = 4", False, "ZeroDivisionError"),
        ("0 ** -1 = 4", False, "ZeroDivisionError"),
        (f"1{'0' * 400} / 2 = 4", False, "OverflowError"),
        ("x / 2 = 4", False, "runs as a program"),
        ("max(8, 4) / 2 = 4", False, "runs as a program"),
        ("9 ** 9 ** 9 = 4", False, "runs as a program"),
        (f"{'(' * 500}8 / 2 = 4", False, ""),
        (f"8 / 2 {' ' * 2000}= 4", False, "more than 1000 characters"),
        ("8\x00 / 2 = 4", False, ""),
        ("\ud800 / 2 = 4", False, ""),
    ],
)
def test_an_equation(equation, right, problem):
    text = f"{equation}\n4 * 3 = 12\n12 * 1 = 12"
    found, why = longproc.check_solution(text, [8, 2, 3, 1], 12)
    assert found is right
    assert problem in why and bool(problem) == bool(why)


@pytest.mark.parametrize("piece", ["-", "(", "[", "{", "not ", "8**", "(8)**", "lambda:", "f'{", "{1:", "8 if ", "8,"])
def test_a_nested_equation_ends_and_is_wrong(piece):
    text = f"{piece * (900 // len(piece))}8 / 2 = 4\n4 * 3 = 12\n12 * 1 = 12"
    start = time.monotonic()
    assert not longproc.is_solution(text, [8, 2, 3, 1], 12)
    assert time.monotonic() - start < 30


def test_a_negative_operand_is_read_in_a_sum_only():
    assert longproc.is_solution("2 - 8 = -6\n-6 + 3 = -3\n-3 + 1 = -2", [8, 2, 3, 1], -2)
    assert longproc.is_solution("2 - 8 = -6\n3 + -6 = -3\n-3 + 1 = -2", [8, 2, 3, 1], -2)
    assert longproc.check_solution("2 - 8 = -6\n3 * -6 = -18\n-18 + 1 = -17", [8, 2, 3, 1], -17) == (False, "")
    assert longproc.check_solution("2 - 8 = -6\n3 - -6 = 9\n9 + 1 = 10", [8, 2, 3, 1], 10) == (False, "")


def test_a_solution_that_stops_the_official_code_is_reported_and_its_search_scored():
    answer = f"{SEARCH}<Solution>\n8 / 0 = 4\n4 * 3 = 12\n12 * 1 = 12\n</Solution>"
    partial, right, problems = judged(longproc.countdown, GAME, answer)
    assert (partial, right) == (3 / 4, False)
    assert "answers 7 have an equation where the official code fails with ZeroDivisionError" in problems
    assert "nums and target" in judged(longproc.countdown, {"search_procedure": SEARCH}, answer)[2]


@pytest.mark.parametrize(
    ("label", "answer", "right"),
    [
        ("- Ani's belief on bag: rack", "- Anis in bag at the rack", True),
        ("- Step 1: Ani is at rack", "- 1 Ani rack", True),
        ("- Ani\N{RIGHT SINGLE QUOTATION MARK}s rack", "- Anis rack", True),
        ("- rack", "- rack\n  - an indented line\n- the", True),
        ("- locations rack", "- rack", False),
        ("no list", "none either", True),
    ],
)
def test_beliefs(label, answer, right):
    assert judged(longproc.tom, label, answer)[1] is right


@pytest.mark.parametrize(
    ("plan", "right"),
    [
        (BASE, True),
        (BASE.replace("Bago.", "Bago by train."), True),
        (f"{BASE}\nDay 4: Fly from Bago to Solo.\nDay 4-9: Solo.", True),  # more cities are fine
        (f"{BASE}\nSee pages 3-9.", False),  # any range moves the end
        (f"A plan of 2 European cities for 4 days:\n{BASE}\nSee pages 3-9.", True),  # the plan is over by then
        (f"A plan of 2 European cities for 4 days:\n{BASE}\nDay 4: Fly from Bago to Solo.", True),
        (BASE.replace("Day 3:", "day 3:"), False),
        (BASE.replace("3-4", "3 - 4"), False),
        (BASE.replace("from Hue", "from New Hue"), False),
        (BASE.replace("Fly from", "After a stay from Solo to Solo on Day 3 fly from"), True),
        (BASE.replace("Bago.", "Bago (Day 9)."), True),
        ("", False),
    ],
)
def test_a_plan(plan, right):
    assert judged(longproc.travel, TRIP, f"<Plan>{plan}</Plan>")[1] is right


def test_plans_that_stop_the_official_code_are_reported():
    plan = f"{STEPS}<Plan>{BASE}</Plan>"
    assert "durations in days" in judged(longproc.travel, {**TRIP, "ground_truth_durations": "3**two"}, plan)[2]
    assert "cities and a duration" in judged(longproc.travel, {**TRIP, "ground_truth_durations": "3"}, plan)[2]
    assert "cities and a duration" in judged(longproc.travel, {**TRIP, "ground_truth_cities": ""}, plan)[2]
    assert "digits" in judged(longproc.travel, TRIP, f"{STEPS}<Plan>Day 1-{'9' * 5000}</Plan>")[2]
    assert "<Solving Procedure>" in judged(longproc.travel, {**TRIP, "solving_procedure": "Go."}, STEPS)[2]


@pytest.mark.parametrize(
    ("answer", "partial", "problem"),
    [
        (STEPS, 3 / 4, ""),
        (STEPS.upper().replace("THE ", ""), 3 / 4, ""),
        (f"Here it is.\n{STEPS}", 3 / 4, ""),
        (STEPS.replace("\n", "\n \n\n"), 3 / 4, ""),
        (STEPS.replace("Hue.", "Hue. It is on the coast."), 3 / 4, ""),
        (STEPS.replace("Hue", "Bago"), 1 / 4, ""),
        (f"{STEPS}\nmore", 3 / 4, "ValueError"),
        (STEPS.rsplit("\n", 1)[0], 3 / 4, "ValueError"),
        ("", 0, "ValueError"),
    ],
)
def test_a_solving_procedure(answer, partial, problem):
    found, _, problems = judged(longproc.travel, TRIP, answer)
    assert found == partial
    assert problem in problems and bool(problem) == bool(problems)


@pytest.mark.parametrize(
    ("table", "scores", "error"),
    [
        (TABLE + "\nBakso\t2", (1, 1, 1), ""),  # the last line is a remark
        (TABLE + "\nBakso\t2\tHue\t1", (1, 1, 1), ""),
        (TABLE.replace("The Pho\t4\tHue", "remark"), (2 / 3, 2 / 3, 2 / 3), ""),
        (TABLE.replace("\nSoto", "\n\nSoto"), (3 / 4, 1, 6 / 7), ""),
        (TABLE + "\nSoto\t3\tBago\nx\ty\tz", (4 / 5, 1, 8 / 9), ""),  # a repeated row counts again
        (TABLE.replace("Mie Ayam", '"MieAyam"').replace("name", "other"), (1, 1, 1), ""),
        ("name\tprice\tcity", (0, 0, 0), "AttributeError"),
        ("name\tprice\tcity\nremark", (0, 0, 0), "ZeroDivisionError"),
        ("name\tname\tcity\na\tb\tc", (0, 0, 0), "AttributeError"),
        ("name\tprice\nPho\t4", (0, 0, 0), "ValueError"),
        (TABLE.replace("Ayam", "Ay\ram"), (0, 0, 0), "UnboundLocalError"),
        (TABLE + "\n" + "x" * 200_000, (0, 0, 0), "UnboundLocalError"),
    ],
)
def test_a_table(table, scores, error):
    found, name = longproc.table_scores(TABLE, table)
    assert found == pytest.approx(scores)
    assert name == error


def test_a_reference_table_that_cannot_be_read():
    assert longproc.table_scores("name\tprice\tcity\nremark", TABLE)[1] == "ZeroDivisionError"
    assert longproc.table_scores("name\tprice", "name\tprice\nremark")[1] == "ZeroDivisionError"
    assert longproc.table_scores("name\tprice", TABLE)[1] == "AttributeError"
    assert longproc.table_scores(None, TABLE)[1] == "AttributeError"


def test_a_table_ends_at_the_last_fence():
    row = {"id": 0, "label": TABLE, "responses": [f"```tsv\n{TABLE}\n```\nand\n```"]}
    result = longproc.html_to_tsv(Case(task="t", lang="en", rows=[row]))
    assert result.rows[0]["cleaned_responses"] == f"{TABLE}\n```\nand"
    assert result.rows[0]["individual_scores"]["normalized_f1"] == pytest.approx(6 / 7)


HOSTILE = ["1", "from a to ", "Day 1", "1-", "a", "\n", "-", "- \n", "\t", '"', "Output the plan ", "=", "1+", "```tsv"]


@pytest.mark.parametrize("piece", [*HOSTILE, "<Search Procedure>", "<Solving Procedure>", "|- Try 1=\n", "\ud800\x00"])
@pytest.mark.parametrize(
    ("family", "label", "tag"),
    [
        (longproc.countdown, GAME, "Solution"),
        (longproc.path_traversal, "a\nb", "Route"),
        (longproc.tom, "- a\n- b", "x"),
        (longproc.travel, TRIP, "Plan"),
        (longproc.html_to_tsv, TABLE, "x"),
    ],
)
def test_time_grows_with_the_text_only(family, label, tag, piece):
    text = piece * (1_000_000 // len(piece))
    answer = f"{text}<{tag}>{text}</{tag}>```tsv\n{text}```"
    start = time.monotonic()
    result = family(Case(task="t", lang="en", rows=[{"id": 0, "label": label, "responses": [answer]}]))
    assert time.monotonic() - start < 60
    assert all(0 <= value <= 1 for value in result.rows[0]["individual_scores"].values())
