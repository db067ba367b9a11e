"""Questions to judges from a small pack of our own, and from the official files where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lontar.errors import DataError
from lontar.scoring.official.copy import OfficialCopy
from lontar.scoring.official.questions import Question, filled, is_judged, questions

OFFICIAL = Path(__file__).parents[4].parent / "shared" / "specs" / "sea-helm"

FAMILIES = {
    "feast": "judge_criteria",
    "grammar": "judge_lindsea",
    "chat": "judge_mtbench",
    "duel": "judge_pairwise",
    "facts": "judge_correct",
    "clinic": "judge_healthbench",
    "pictures": "judge_truefalse",
    "lost": "judge_criteria",
    "odd": "judge_criteria",
}
TASKS = "".join(
    f"""\
- task: {name}
  competency: c
  metric: m
  metric_family: {family}
  languages: [id]
  max_tokens: 8
  template: small#0
  judge: judges.yaml:{name}
  baseline_model: old
  categories_with_reference: [sums]
  judgement_labels: {{A_wins: "<a>", B_wins: "<b>", Tie: "<t>"}}
"""
    for name, family in FAMILIES.items()
)
JUDGES = """\
feast:
  judge_generation_kwargs: {max_tokens: 50, reasoning_effort: low}
  judge_prompts:
    system_prompt: "You taste {everything}."
    criteria_prompt: "{prompt} | {response} | {keyPointText} | {{x}}{reference_text_block}"
    reference_prompt: "Recipe: {reference}"
grammar:
  same_as: plain
plain:
  judge_prompts:
    system_prompt: ""
    criteria_prompt: "{prompt}/{response}/{keyPointText}"
    reference_prompt: ""
chat:
  judge_prompts:
    system_prompt: S
    criteria_prompt: {turn_1: "1 {transcript} > {response} > {keyPointText}", turn_2: "2 {transcript} > {response}"}
duel:
  judge_generation_kwargs: {temperature: 0.5}
  judge_prompts:
    without-reference:
    - {system_prompt: "{A_wins} or {B_wins} or {Tie}", prompt_template: "{question_1}: {answer_a_1} / {answer_b_1}"}
    - {system_prompt: "two", prompt_template: "{question_2}: {answer_a_1}, {answer_a_2} / {answer_b_1}, {answer_b_2}"}
    with-reference:
    - {system_prompt: "r", prompt_template: "{question_1} = {ref_answer_1}: {answer_a_1} / {answer_b_1}"}
facts:
  judge_prompts: {system_prompt: "", criteria_prompt: "{question}? {official_answer}; {candidate_answer}"}
clinic:
  judge_prompts: {system_prompt: "Say {\\"criteria_met\\": true}", criteria_prompt: "{conversation} # {rubric_item}"}
pictures: {judge_prompts: {}}
lost: {same_as: lost}
odd: {judge_prompts: {system_prompt: s, criteria_prompt: "{unheard_of}"}}
"""
SMALL = """\
- tasks: [feast]
  languages:
    id: {preamble: "", task_template: "T {text}", answer_template: null, answer_tag: null}
"""


@pytest.fixture
def pack(tmp_path: Path) -> OfficialCopy:
    (tmp_path / "templates").mkdir()
    for name in ("labels", "suites", "ifeval"):
        (tmp_path / f"{name}.yaml").write_text("a: {b: c}\n", encoding="utf-8")
    for name, text in (("tasks", TASKS), ("judges", JUDGES), ("templates/small", SMALL)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return OfficialCopy.read(tmp_path)


def said(question: Question) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in question.messages]


def criteria(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"criterion": text, **more} for text in texts]


def test_criteria(pack: OfficialCopy) -> None:
    row = {
        "id": 7,
        "prompts": [{"text": "sate"}],
        "label": "kacang {label}",
        "criteria": criteria("names {text}", "b {c"),
    }
    row["criteria"][1]["include_reference"] = True
    first, second = questions(pack, "feast", "id", row, ["T sate"], ["{response} a"])
    assert (first.id, second.id) == ("7_criteria0", "7_criteria1")
    # What the model or the data wrote is never filled in again, and the judge's instructions are not a template.
    assert said(first) == [("system", "You taste {everything}."), ("user", "T sate | {response} a | names sate | {x}")]
    assert said(second)[1][1] == "T sate | {response} a | b {c | {x}\nRecipe: kacang {label}\n"
    assert first.settings == {"max_tokens": 50, "reasoning_effort": "low"}


def test_a_judge_like_another_one(pack: OfficialCopy) -> None:
    row = {"id": "x", "label": None, "criteria": criteria("c", include_reference=True)}
    (only,) = questions(pack, "grammar", "id", row, ["ask"], ["say"])
    assert said(only) == [("system", ""), ("user", "ask/say/c")]
    assert only.settings == {}


def test_turns(pack: OfficialCopy) -> None:
    row = {"id": "q", "prompts": [{"text": "a"}, {"text": "b"}]}
    row["criteria"] = [{"criterion": "about {text}", "turn": 0}, {"criterion": "d", "turn": 1}]
    first, second = questions(pack, "chat", "id", row, ["A?", "B?"], ["one", "two"])
    assert (first.id, second.id) == ("q_turn0_criteria0", "q_turn1_criteria1")
    assert said(first)[1][1] == "1 [User]\nA? > one > about a"
    assert said(second)[1][1] == "2 [User]\nA?\n\n[Assistant (fixed)]\none\n\n[User]\nB? > two"


def test_pairwise_asks_in_both_orders(pack: OfficialCopy) -> None:
    row = {"question_id": 3, "prompts": [{"text": "a"}, {"text": "b"}], "baselines": {"old": ["o1", "o2"]}}
    found = questions(pack, "duel", "id", row, ["A?", "B?"], ["n1", "n2"])
    assert {one.id: said(one)[1][1] for one in found} == {
        "3_turn1_baseline-before": "a: o1 / n1",
        "3_turn1_baseline-after": "a: n1 / o1",
        "3_turn2_baseline-before": "b: o1, o2 / n1, n2",
        "3_turn2_baseline-after": "b: n1, n2 / o1, o2",
    }
    assert said(found[0])[0] == ("system", "<a> or <b> or <t>")
    assert found[0].settings == {"temperature": 0.5}
    row |= {"metadata": {"category": "sums"}, "references": ["r1"]}
    row.pop("prompts")
    assert said(questions(pack, "duel", "id", row, ["A?"], ["n1"])[1])[1][1] == "A? = r1: n1 / o1"


def test_correctness_has_no_system_message(pack: OfficialCopy) -> None:
    row = {"id": 1, "label": "42", "prompts": [{"question": "Q"}]}
    (only,) = questions(pack, "facts", "id", row, ["long text with Q"], ["41"])
    assert (only.id, said(only)) == ("1", [("user", "Q? 42; 41")])
    (only,) = questions(pack, "facts", "id", {"id": 1, "label": "42"}, ["asked"], ["41"])
    assert said(only) == [("user", "asked? 42; 41")]


def test_points(pack: OfficialCopy) -> None:
    row = {"id": 0, "criteria": criteria("rest", points=-3), "conversations": [{"role": "user", "content": "ill"}]}
    (only,) = questions(pack, "clinic", "id", row, ["unused"], [" sleep "])
    assert only.id == "0_criteria0"
    assert said(only) == [
        ("system", 'Say {"criteria_met": true}'),
        ("user", "user: ill\n\nAssistant: sleep # [-3] rest"),
    ]
    del row["conversations"]
    assert said(questions(pack, "clinic", "id", row, ["ask"], ["x"])[0])[1][1].startswith("user: ask\n\n")


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("pictures", {}, "no questions to a judge for the family 'judge_truefalse'"),
        ("nothing", {}, "no task 'nothing'"),
        ("lost", {"criteria": criteria("c")}, "the judge of 'lost' refers to none"),
        ("odd", {"criteria": criteria("c")}, "unknown field 'unheard_of'"),
        ("feast", {}, "row '5': no field 'criteria'"),
        ("feast", {"criteria": "c"}, "row '5': no field 'criteria'"),
        ("feast", {"criteria": [{}]}, "number 1: no text in 'criterion'"),
        ("feast", {"criteria": criteria("c", include_reference=True)}, "no field 'label'"),
        ("chat", {"criteria": criteria("c")}, "'turn' is None"),
        ("chat", {"criteria": criteria("c", turn=1)}, "the question has nothing for turn 2"),
        ("duel", {}, "row '5': no field 'baselines' with answers of 'old'"),
        ("duel", {"baselines": {"old": []}}, "'baselines' has nothing for turn 1"),
        ("duel", {"baselines": {"old": ["a"]}, "metadata": {"category": "sums"}}, "no field 'references'"),
        ("facts", {}, "row '5': no field 'label'"),
        ("clinic", {"criteria": criteria("c")}, "no 'points'"),
    ],
)
def test_errors_name_row_and_field(pack: OfficialCopy, task: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        questions(pack, task, "id", {"id": 5, **row}, ["ask"], ["say"])


def test_an_unknown_language_or_prompt(pack: OfficialCopy) -> None:
    with pytest.raises(DataError, match="has no language 'th'"):
        questions(pack, "feast", "th", {"id": 5, "criteria": criteria("c")}, ["ask"], ["say"])
    row = {"id": 5, "baselines": {"old": ["a"] * 3}}
    with pytest.raises(DataError, match=r"no prompt 'without-reference\.2\.system_prompt'"):
        questions(pack, "duel", "id", row, ["ask"] * 3, ["say"] * 3)


def test_is_judged(pack: OfficialCopy) -> None:
    assert [name for name in FAMILIES if not is_judged(pack.task(name))] == ["pictures"]


def test_filling_is_no_format_language() -> None:
    fields = {"a": "{b}", "b": 2}
    assert filled("{{{a}}} {b} {c} {a.x} {b:>9} {", fields) == "{{b}} 2 {c} {a.x} {b:>9} {"


@pytest.mark.skipif(
    not (OFFICIAL / "judges.yaml").is_file(), reason="needs the official files in shared/specs/sea-helm"
)
def test_every_official_judge_can_be_asked() -> None:
    copy = OfficialCopy.read(OFFICIAL)
    row = {
        "id": "r",
        "label": "label",
        "prompts": [{"text": "one", "question": "q"}, {"text": "two"}],
        "criteria": [{"criterion": "c", "turn": turn, "points": 1, "severity": "low"} for turn in (0, 1)],
        "metadata": {"category": "math"},
        "references": ["ref", "ref"],
    }
    judged = [task for task in copy.tasks.values() if is_judged(task)]
    assert {task.metric_family for task in judged} == set(FAMILIES.values()) - {"judge_truefalse"}
    for task in judged:
        row["baselines"] = {str(task.settings.get("baseline_model")): ["b1", "b2"]}
        found = questions(copy, task.name, task.languages[0], row, ["ask1", "ask2"], ["say1", "say2"])
        assert len(found) == len({one.id for one in found}) > 0
        assert all("say1" in one.messages[-1].content for one in found)
        assert all(one.settings["max_tokens"] > 0 for one in found)
