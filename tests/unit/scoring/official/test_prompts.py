"""Conversations and settings from a small pack of our own, and from the official files where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lontar.errors import DataError
from lontar.scoring.official.copy import OfficialCopy
from lontar.scoring.official.prompts import examples_for, generation_settings, messages, replay_prompts

SHARED = Path(__file__).parents[4].parent / "shared"
OFFICIAL = SHARED / "specs" / "sea-helm"
DATA = SHARED / "data" / "seahelm"

TASKS = """\
- task: color
  competency: nlu
  metric: normalized_accuracy
  metric_family: label_choice
  languages: [id, no]
  max_tokens: {id: 8, no: 9}
  fewshot: {instruct: 0, base: 2}
  template: small#0
- task: color-logprobs
  competency: nlu
  aggregation_group: colors
  metric: average_cumulative_probabilities
  metric_family: logprob
  languages: [id, no]
  max_tokens: 8
  template: small#0
  use_logprobs: "true"
- task: chat
  competency: multi-turn
  metric: average_criteria_score
  metric_family: judge_criteria
  languages: [id]
  max_tokens: 64
  fewshot: {instruct: 0, base: null}
  template: small#1
  judge: judges.yaml:chat
- task: global_mmlu_lite
  competency: knowledge
  metric: normalized_accuracy
  metric_family: label_choice
  languages: [id]
  max_tokens: 16
  template: other#0
"""
SMALL = """\
- tasks: [color, color-logprobs]
  languages:
    id:
      preamble: "Warna apa? Tulis {{{answer_tag} X}}."
      task_template: "Benda: {thing}\\n"
      answer_template: "{answer_tag} {label}"
      answer_tag: "Warna:"
    "no":
      preamble: ""
      task_template: "Ting {{}}: {thing}"
      answer_template: "{answer_tag}{label} ({why}, {thing})"
      answer_tag: "Farge-"
- tasks: [chat]
  languages:
    id:
      preamble: "Santai saja."
      task_template: "{text}"
      answer_template: null
      answer_tag: null
"""
OTHER = """\
- tasks: [global_mmlu_lite]
  languages:
    id:
      preamble: ""
      task_template: "{question}"
      answer_template: "{answer_tag} {label}"
      answer_tag: "J:"
"""
PACK = {
    "tasks.yaml": TASKS,
    "labels.yaml": "color:\n  id: {labels: [merah, biru], n_options: 2}\n",
    "suites.yaml": "suites:\n  tiny:\n    id: [color]\n",
    "judges.yaml": "chat:\n  judge_model_name: someone\n",
    "ifeval.yaml": "constrained_options:\n  id: [Ya saja.]\n",
    "templates/small.yaml": SMALL,
    "templates/other.yaml": OTHER,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    for name, text in PACK.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def pack(folder: Path) -> OfficialCopy:
    return OfficialCopy.read(folder)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


# --- the copy ------------------------------------------------------------------------------------------------------


def test_lookups(pack: OfficialCopy) -> None:
    color, logprobs, chat = pack.task("color"), pack.task("color-logprobs"), pack.task("chat")
    assert (color.metric_family, color.group, logprobs.group) == ("label_choice", None, "colors")
    assert (color.logprobs, logprobs.logprobs) == (False, True)
    assert (color.max_tokens("no"), logprobs.max_tokens("no")) == (9, 8)
    # Given; nothing said; null.
    assert [task.shots(base=True) for task in (color, logprobs, chat)] == [2, 5, 0]
    assert [task.shots(base=False) for task in (color, logprobs, chat)] == [0, 0, 0]
    assert pack.template("color", "no").answer_tag == "Farge-"
    assert pack.template("chat", "id").answer_tag == ""
    assert pack.judge("chat") == {"judge_model_name": "someone"}
    assert pack.facts.ifeval["constrained_options"] == {"id": ["Ya saja."]}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda pack: pack.task("colour"), "no task 'colour'"),
        (lambda pack: pack.template("chat", "no"), "task 'chat' has no language 'no'"),
        (lambda pack: pack.judge("color"), "no judge for the task 'color'"),
        (lambda pack: pack.task("color").max_tokens("th"), "no max_tokens for 'th'"),
    ],
)
def test_unknown_names(pack: OfficialCopy, ask: Callable[[OfficialCopy], object], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        ask(pack)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ifeval.yaml", None, r"ifeval\.yaml: not there"),
        ("templates/other.yaml", None, r"other\.yaml: not there"),
        ("labels.yaml", "a: [", r"labels\.yaml: not valid YAML"),
        ("suites.yaml", "- a\n", r"suites\.yaml: expected a mapping"),
        ("tasks.yaml", "a: 1\n", r"tasks\.yaml: expected a list"),
        ("tasks.yaml", "- a\n", r"tasks\.yaml:1: expected a mapping for each task"),
        (
            "tasks.yaml",
            TASKS.replace("  metric: normalized_accuracy\n", "", 1),
            "task 'color' has no proper field 'metric'",
        ),
        ("tasks.yaml", TASKS.replace("{instruct: 0, base: 2}", "5"), "fewshot should be a mapping"),
        ("tasks.yaml", TASKS.replace("base: 2", "base: two"), "fewshot should be a mapping to numbers"),
        ("tasks.yaml", TASKS.replace("task: chat", "task: color"), "'color' is given twice"),
        ("tasks.yaml", TASKS.replace("small#1", "small#2"), "template 'small#2', which is not there"),
        ("tasks.yaml", TASKS.replace("[id, no]", "[id, th]", 1), "template 'small#0' lacks th"),
        ("templates/other.yaml", "- tasks: [a]\n", r"other\.yaml:1: a block without languages"),
        ("templates/other.yaml", OTHER.replace("task_template", "text"), r"other\.yaml:3: id: no task_template"),
        ("templates/other.yaml", OTHER.replace('"J:"', "5"), r"other\.yaml:3: id: answer_tag should be a text"),
    ],
)
def test_damage_is_named(folder: Path, name: str, text: str | None, message: str) -> None:
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        OfficialCopy.read(folder)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder") as caught:
        OfficialCopy.read(tmp_path / "nowhere")
    assert "tasks.yaml" in str(caught.value.hint)


# --- conversations -------------------------------------------------------------------------------------------------


def test_a_preamble_goes_first_and_the_whole_is_stripped(pack: OfficialCopy) -> None:
    found = messages(pack, "color", "id", [{"thing": "langit {x}"}])
    assert found == [user("Warna apa? Tulis {Warna: X}.\n\nBenda: langit {x}")]


def test_examples_come_before_the_question(pack: OfficialCopy) -> None:
    rows = [{"label": name, "prompts": [{"thing": f"benda {name}"}]} for name in ("merah", "biru", "hijau")]
    assert messages(pack, "color", "id", [{"thing": "langit"}], examples=rows, shots=2) == [
        user("Warna apa? Tulis {Warna: X}.\n\nBenda: benda merah"),
        assistant("Warna: merah"),
        # Only the message with the preamble is stripped.
        user("Benda: benda biru\n"),
        assistant("Warna: biru"),
        user("Benda: langit\n"),
    ]


def test_an_answer_may_use_columns_and_prompt_fields_and_takes_the_first_label(pack: OfficialCopy) -> None:
    row = {"label": ["blå", "azur"], "why": "lys", "prompts": [{"thing": "himmel"}]}
    found = messages(pack, "color", "no", [{"thing": "hav"}], examples=[row], shots=5)
    assert found == [user("Ting {}: himmel"), assistant("Farge-blå (lys, himmel)"), user("Ting {}: hav")]
    assert row["label"] == ["blå", "azur"]


def test_each_turn_has_its_preamble(pack: OfficialCopy) -> None:
    prompts = [{"text": "Halo"}, {"text": "Lalu?"}, {"text": "Sudah?"}]
    first, second = user("Santai saja.\n\nHalo"), user("Santai saja.\n\nLalu?")
    assert messages(pack, "chat", "id", prompts) == [first]
    assert messages(pack, "chat", "id", prompts, turn=1, history=["Hai"]) == [first, assistant("Hai"), second]
    third = messages(pack, "chat", "id", prompts, turn=2, history=["Hai", None])
    assert third == [first, assistant("Hai"), second, assistant(""), user("Santai saja.\n\nSudah?")]


def test_images_follow_the_text(pack: OfficialCopy) -> None:
    assert messages(pack, "chat", "id", [{"text": "Apa ini?"}], images=["QUJD"]) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Santai saja.\n\nApa ini?"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUJD"}},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompts": [{"benda": "x"}]}, "'thing' of the template is missing"),
        ({"prompts": []}, "turn 0 of 0 prompts"),
        ({"prompts": [{"thing": "x"}] * 2, "turn": 1}, "needs 1 answers of former turns, got 0"),
        ({"prompts": [{"thing": "x"}], "examples": [{"label": "a"}], "shots": 1}, "example 1: no prompts"),
        (
            {"prompts": [{"thing": "x"}], "examples": [{"label": [], "prompts": [{"thing": "x"}]}], "shots": 1},
            "the list of labels is empty",
        ),
        (
            {"prompts": [{"thing": "x"}], "examples": [{"prompts": [{"thing": "x"}]}], "shots": 1},
            "example 1: the field 'label'",
        ),
    ],
)
def test_what_is_missing_is_named(pack: OfficialCopy, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        messages(pack, "color", "id", **given)


def test_a_damaged_template(folder: Path) -> None:
    (folder / "templates" / "other.yaml").write_text(OTHER.replace("{question}", "{question"), encoding="utf-8")
    with pytest.raises(DataError, match="prompt 1: the template cannot be filled"):
        messages(OfficialCopy.read(folder), "global_mmlu_lite", "id", [{"question": "?"}])


def test_examples_of_the_same_subject() -> None:
    pool = [{"id": i, "metadata": {"subject": name}} for i, name in enumerate(("Law", "math", "law", "LAW"))]
    row = {"prompts": [{"question": "?", "subject": "lAw"}]}
    assert [one["id"] for one in examples_for("global_mmlu_lite", row, pool, 2)] == [0, 2]
    assert [one["id"] for one in examples_for("color", row, pool, 2)] == [0, 1]
    with pytest.raises(DataError, match="has no subject"):
        examples_for("global_mmlu_lite", {"id": 7, "prompts": []}, pool, 2)


# --- settings ------------------------------------------------------------------------------------------------------


def test_generation_settings(pack: OfficialCopy) -> None:
    def settings(task: str, lang: str, *, base: bool = False, reasoning: bool = False) -> tuple[Any, Any]:
        return generation_settings(pack, task, lang, base=base, reasoning=reasoning, seed=7)

    assert settings("color", "no") == ({"seed": 7, "max_tokens": 9}, {})
    assert settings("color", "id", reasoning=True) == ({"seed": 7, "max_tokens": 20_008}, {})
    assert settings("color", "id", base=True) == (
        {"seed": 7, "max_tokens": 8, "stop": ["\n\n"]},
        {"answer_tag": "Warna:"},
    )
    spaced = {"use_logprobs": True, "answer_tag": "Warna:", "answer_tag_separator": " "}
    assert settings("color-logprobs", "id") == ({"seed": 7, "max_tokens": 8}, spaced)
    assert settings("color-logprobs", "id", base=True) == settings("color-logprobs", "id")
    assert settings("color-logprobs", "no")[1]["answer_tag_separator"] == ""
    assert pack.template("chat", "id").separator == " "


# --- vector cases --------------------------------------------------------------------------------------------------


def test_replay_of_a_case(pack: OfficialCopy, tmp_path: Path) -> None:
    rows = [
        {"label": "A", "prompts": [{"question": name}], "metadata": {"subject": name}}
        for name in ("law", "math", "Law")
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    case = {
        "task": "global_mmlu_lite",
        "lang": "id",
        "mode": "base_5shot",
        "item": {"prompts": [{"question": "?", "subject": "law"}]},
        "examples_file": "dev.jsonl (same subject, first 5)",
    }
    found = replay_prompts(pack, case, tmp_path)
    assert [one["content"] for one in found] == ["law", "J: A", "Law", "J: A", "?"]
    item = {"prompts": [{"text": "a"}, {"text": "b"}], "responses": ["c"]}
    found = replay_prompts(pack, {"task": "chat", "lang": "id", "mode": "instruct_0shot", "item": item}, tmp_path)
    assert [one["role"] for one in found] == ["user", "assistant", "user"]
    for wrong, message in (
        ({"mode": "zero"}, "unknown mode 'zero'"),
        ({"item": {}}, "the item has no prompts"),
        ({"examples_file": None}, "no file of examples"),
        ({"examples_file": "gone.jsonl (first 5)"}, r"gone\.jsonl: no file of examples"),
    ):
        with pytest.raises(DataError, match=message):
            replay_prompts(pack, {**case, **wrong}, tmp_path)


@pytest.mark.skipif(not (OFFICIAL / "vectors").is_dir(), reason=f"no official vectors in {OFFICIAL}")
def test_official_vectors() -> None:
    copy = OfficialCopy.read(OFFICIAL)
    for case in json.loads((OFFICIAL / "vectors" / "generation_kwargs.json").read_text(encoding="utf-8"))[0]["cases"]:
        found = generation_settings(
            copy,
            case["task"],
            case["lang"],
            base=case["is_base_model"],
            reasoning=case["is_reasoning_model"],
            seed=case["seed"],
        )
        assert found == (case["generation_kwargs"], case["additional_kwargs"])
    if not DATA.is_dir():
        pytest.skip(f"no examples in {DATA}")
    for case in json.loads((OFFICIAL / "vectors" / "prompts.json").read_text(encoding="utf-8")):
        if case["error"]:
            with pytest.raises(DataError):
                replay_prompts(copy, case, DATA)
        else:
            assert replay_prompts(copy, case, DATA) == case["expected_messages"], (case["task"], case["lang"])
