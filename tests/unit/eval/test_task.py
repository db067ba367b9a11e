from __future__ import annotations

from pathlib import Path

import pytest

from lontar.core.records import Message
from lontar.errors import ConfigError, DataError, UnknownNameError
from lontar.eval.config import EvalConfig
from lontar.eval.samples import available, make_samples
from lontar.eval.task import all_tasks, fill, find_suite, find_task, load_task

GOOD = """
name: mine
version: 2
competency: nlu
source: {jsonl: "items-{lang}.jsonl"}
languages:
  th: {prompt: "ถาม: {question}"}
  en:
prompt: [{role: user, content: "Q: {question}"}]
reference: "{answer}"
output: text
extract: first_line
scorer: {exact_match: {digits: false}}
chance: 0.25
changes: {2: clearer questions}
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_task_file_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "items-th.jsonl").write_text(
        '{"id": "1", "question": "กี่โมง", "answer": "7", "group": "p"}\n{"id": "2", "question": "{x}", "answer": "8"}\n',
        encoding="utf-8",
    )
    task = find_task(str(path))
    assert task.scorer_name == "exact_match"
    assert task.scorer == {"exact_match": {"digits": False, "case": False}}, "stored with all its settings"
    assert available(task, None) == ["th"]
    one, two = make_samples(task, "th")
    assert (one.turns, one.references, one.group) == (("ถาม: กี่โมง",), ("7",), "p")
    assert two.turns == ("ถาม: {x}",), "what an item says is not a template"
    (tmp_path / "items-en.jsonl").write_text('{"id": "1", "question": "When?", "answer": "7"}\n', encoding="utf-8")
    assert make_samples(task, "en")[0].turns == ((Message(role="user", content="Q: When?"),),)


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD.replace("exact_match", "exact_mach")
        .replace("output: text", "output: txt")
        .replace("th: {", "xx: {")
        .replace("first_line", "frist_line")
        .replace("chance: 0.25", "chanse: 0.25")
        .replace("version: 2", "version: two")
    )
    with pytest.raises(ConfigError) as caught:
        load_task(write(tmp_path, text))
    message = str(caught.value)
    assert message.startswith("6 problems") or "7 problems" in message
    for line, part in (
        (3, "version"),
        (7, "xx"),
        (11, "output"),
        (12, "did you mean first_line"),
        (13, "did you mean exact_match"),
        (14, "did you mean chance"),
    ):
        assert any(f"mine.yaml:{line}" in row and part in row for row in message.splitlines()), (line, part, message)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            '{jsonl: "items-{lang}.jsonl"}',
            "{jsonl: a, sample: b}",
            "exactly one of heldout, sample, stories, skill, jsonl",
        ),
        ("changes: {2: clearer questions}", "", "does not tell of version 2"),
        ("name: mine", "name: My Task", "name"),
        ("{digits: false}", "{digit: false}", "did you mean digits"),
        ("scorer: {exact_match: {digits: false}}", "", "required"),
    ],
)
def test_single_mistakes(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=told):
        load_task(write(tmp_path, GOOD.replace(old, new)))


def test_bad_rows_are_named_by_file_and_line(tmp_path: Path) -> None:
    task = load_task(write(tmp_path, GOOD))
    items = tmp_path / "items-th.jsonl"
    for text, told in (
        ('{"id": "1", "question": "x"}\n', r"item '1': the template names \{answer\}"),
        ('{"question": "x", "answer": "1"}\n', "items-th.jsonl:1: field 'id' is required"),
        ('{"id": "1", "question": "x", "answer": "1"}\n{"id": "1", "question": "y", "answer": "1"}\n', "comes twice"),
        ('{"id": "1"', "items-th.jsonl:1: not JSON"),
        ('{"id": [1]}\n', "must be text"),
    ):
        items.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=told):
            make_samples(task, "th")
    choices = GOOD.replace("output: text", "output: choices").replace('reference: "{answer}"', 'reference: "x"')
    task = load_task(write(tmp_path, choices))
    for row, told in (
        ('{"id": "1", "question": "x"}', "must list two texts"),
        ('{"id": "1", "question": "x", "choices": ["a", "b"], "answer": 2}', "0 to 1"),
        ('{"id": "1", "question": "x", "choices": ["a", "b"], "answer": "A"}', "0 to 1"),
    ):
        items.write_text(row, encoding="utf-8")
        with pytest.raises(DataError, match=told):
            make_samples(task, "th")


def test_a_limit_takes_a_stable_subset() -> None:
    task = find_task("word_order")
    few, more = ({s.id for s in make_samples(task, "th", limit=n)} for n in (5, 12))
    assert len(few) == 5 and few < more
    assert make_samples(task, "th", limit=5) == make_samples(task, "th", limit=5)


def test_only_held_out_sentences_are_asked() -> None:
    ids = {s.group for s in make_samples(find_task("bits_per_byte"), "th")}
    word_order = {s.group for s in make_samples(find_task("word_order"), "th")}
    assert ids and word_order <= ids
    assert not any("train" in str(s.facts.get("split")) for s in make_samples(find_task("bits_per_byte"), "th"))


def test_tasks_and_suites_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONTAR_HOME", str(tmp_path))
    write(tmp_path / "tasks" / "nlu", GOOD)
    write(tmp_path / "suites", "name: own\ntasks:\n  mine: {}\n  word_order: {limit: 3}\n", "own")
    assert "mine" in [task.name for task in all_tasks()]
    chosen = EvalConfig(suite="own").chosen()
    assert [(task.name, limit) for task, limit in chosen] == [("mine", None), ("word_order", 3)]
    assert [limit for _, limit in EvalConfig(suite="own", limit=7).chosen()] == [7, 7]
    write(tmp_path / "tasks", GOOD.replace("name: mine", "name: other"), "renamed")
    with pytest.raises(ConfigError, match="must be equal"):
        find_task("renamed")
    write(tmp_path / "tasks", GOOD, "word_order")
    with pytest.raises(ConfigError, match="two tasks are called 'word_order'"):
        all_tasks()


def test_names_have_hints() -> None:
    with pytest.raises(UnknownNameError, match="did you mean word_order"):
        find_task("word_ordr")
    with pytest.raises(UnknownNameError, match="unknown suite"):
        find_suite("smok")
    for field, value, told in (
        ("suite", "smok", "did you mean smoke"),
        ("tasks", ("word_ordr",), "did you mean word_order"),
        ("languages", ("xx",), "xx"),
    ):
        with pytest.raises(ValueError, match=told):
            EvalConfig.model_validate({field: value})


def test_filling_in() -> None:
    assert fill("{a} {b} {{c}} { }", {"a": "{b}", "b": 2, "c": 3}) == "{b} 2 {3} { }"
    with pytest.raises(KeyError):
        fill("{missing}", {})


def test_the_digest_sees_meaning_and_not_comments(tmp_path: Path) -> None:
    one = load_task(write(tmp_path, GOOD))
    same = load_task(write(tmp_path / "x", "# a comment\n" + GOOD))
    other = load_task(write(tmp_path, GOOD.replace("Q: ", "Question: ")))
    assert one.digest == same.digest != other.digest
