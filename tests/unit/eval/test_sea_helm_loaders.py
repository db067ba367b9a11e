"""Data sets of others as official rows, and data sets of the hub as rows; all of them composed here."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lontar.errors import BackendError, DataError
from lontar.eval.sea_helm.builders import Needles, Tokens, common_words, haystacks
from lontar.eval.sea_helm.hub import CONVERTED, Folder, asked, choose, consent, open_hub, read_table
from lontar.eval.sea_helm.importing import take
from lontar.eval.sea_helm.loaders import SEED, source_of, third_party
from lontar.scoring.official.copy import OfficialCopy, Task
from tests.unit.eval.official_files import feeling, specification, write_lines


def _task(name: str, dataset: Any, **more: Any) -> Task:
    return Task(name, "c", "m", "label_choice", ("en",), "t#0", {"dataset": dataset, **more})


@pytest.mark.parametrize(
    ("name", "dataset", "expected"),
    [
        ("sentiment-logprobs", "aisingapore/S", ("id", "eval", "")),
        ("translation-en-xx", "aisingapore/T", ("en_to_id", "eval", "")),
        ("translation-xx-id", "aisingapore/T", ("id_to_id", "eval", "")),
        ("pragmatic-pair", "aisingapore/P", ("id_pair", "eval", "")),
        ("bbh_navigate", "aisingapore/bbh", ("navigate", "eval", "")),
        ("global_mmlu_virology-logprobs", "C/G", ("id", "test", "dev")),
        ("gpqa_main", "I/gpqa", ("gpqa_main", "train", "")),
        ("thai_exam_ic", "t/thai_exam", ("ic", "test", "test")),
        ("mmlu_redux_anatomy", "e/m", ("anatomy", "test", "")),
        ("mmlu_pro_law", "T/M", (None, "test", "validation")),
        ("supergpqa-law", "m/S", (None, "train", "")),
        ("musr_team_allocation", "T/MuSR", (None, "team_allocation", "")),
        ("math_hard_algebra", "l/M", ("algebra", "test", "train")),
        ("aime_2025", "MathArena/aime_2025", (None, "train", "")),
        ("aime_2024", "HuggingFaceH4/aime_2024", (None, "train", "")),
    ],
)
def test_where_the_hub_has_a_task(name: str, dataset: str, expected: tuple[Any, ...]) -> None:
    found = source_of(_task(name, dataset), "id")
    assert found is not None
    assert (found.config, found.split, found.examples_split) == expected


@pytest.mark.parametrize("dataset", ["seahelm_tasks/a/b.jsonl", "x/y.jsonl", None, {"id": "a/b"}, "own/unknown"])
def test_what_the_hub_does_not_have(dataset: Any) -> None:
    assert source_of(_task("sentiment", dataset), "id") is None


def _mmlu(i: int, subject: str = "law") -> dict[str, Any]:
    options = {f"option_{k}": f" {k}{i} " for k in "abcd"}
    own = {"sample_id": f"s{i}", "subject": subject, "question": f"q{i}", "answer": "ABCD"[i % 4], "region": "[]"}
    return {**own, **options, "else": 1}


def test_global_mmlu_moves_the_right_answer_by_seed() -> None:
    rows = [_mmlu(9, "other"), *(_mmlu(i) for i in range(6))]
    made = third_party("global_mmlu_law-logprobs", "th", rows)
    assert [row["id"] for row in made] == [f"s{i}" for i in range(6)]
    letters = list("ABCDABCD")
    random.Random(SEED).shuffle(letters)
    assert [row["label"] for row in made] == letters[:6]
    for i, row in enumerate(made):
        prompt = row["prompts"][0]
        assert prompt[f"option_{row['label'].lower()}"] == f"{'abcd'[i % 4]}{i}"
        assert sorted(prompt[f"option_{k}"] for k in "abcd") == [f"{k}{i}" for k in "abcd"]
        assert row["metadata"] == {"language": "th", "subject": "law", "region": "[]"}
    assert made == third_party("global_mmlu_law", "th", rows)


def test_gpqa_has_one_more_block_of_letters() -> None:
    rows = [
        {"Question": f"q{i}", "Correct Answer": "yes ", **{f"Incorrect Answer {k}": f"no{k}" for k in (1, 2, 3)}}
        for i in range(4)
    ]
    made = third_party("gpqa_main", "en", rows)
    letters = list("ABCDABCD")
    random.Random(SEED).shuffle(letters)
    assert [row["label"] for row in made] == letters[:4]
    assert all(row["prompts"][0][f"choice{'ABCD'.index(row['label']) + 1}"] == "yes" for row in made)


def test_thai_exam_keeps_the_options_that_are_there() -> None:
    rows = [{"question": "q", "a": "1", "b": "2", "answer": "b", "subject": "s"}]
    assert third_party("thai_exam_ic", "th", rows) == [
        {
            "id": 0,
            "label": "B",
            "prompts": [{"question": "q", "a": "1", "b": "2"}],
            "metadata": {"language": "th", "subject": "s"},
        }
    ]


def test_mmlu_redux_drops_and_corrects() -> None:
    base = {"question": "q", "choices": [" w", "x", "y", "z"], "answer": 0, "source": "s"}
    rows = [
        {**base, "error_type": "ok"},
        {**base, "error_type": "bad_question_clarity"},
        {**base, "error_type": "wrong_groundtruth", "correct_answer": 2},
        {**base, "error_type": "wrong_groundtruth", "correct_answer": "see above"},
        {**base, "error_type": "wrong_groundtruth", "correct_answer": None},
    ]
    made = third_party("mmlu_redux_anatomy", "en", rows)
    assert [(row["id"], row["label"]) for row in made] == [(0, "A"), (2, "C")]
    assert made[0]["prompts"][0]["options"] == "A. w\nB. x\nC. y\nD. z"


def test_supergpqa_takes_one_discipline() -> None:
    base = {"question": "q", "options": ["o ", "p"], "answer_letter": "B", "field": "f", "subfield": "g"}
    rows = [{**base, "discipline": "Law", "difficulty": "easy"}, {**base, "discipline": "Literature and Arts"}]
    made = third_party("supergpqa-literature-and-arts", "en", rows)
    assert [row["id"] for row in made] == [0]
    assert made[0]["prompts"][0]["options"] == "A: o\n\nB: p"
    assert third_party("supergpqa-law", "en", rows)[0]["metadata"]["difficulty"] == "easy"


def test_musr_counts_from_one_and_reads_a_list_in_words() -> None:
    row = {"narrative": "n", "question": "q", "choices": "['Ana', \"O'Hara\"]", "answer_index": 1}
    made = third_party("musr_team_allocation", "en", [row])
    assert made[0]["label"] == "2"
    assert made[0]["prompts"][0]["choices"] == "1 - Ana\n2 - O'Hara"
    for bad in ("open('x')", "'a", "3", "(" * 500):
        with pytest.raises(DataError, match="'choices' is no list"):
            third_party("musr_team_allocation", "en", [{**row, "choices": bad}])


def test_mmlu_pro_and_mathematics() -> None:
    pro = {"question_id": 5, "question": "q", "options": ["a", "b"], "answer": "B", "category": "computer science"}
    made = third_party("mmlu_pro_computer_science", "en", [pro, {**pro, "category": "law"}])
    assert [(row["id"], row["label"]) for row in made] == [(5, "B")]
    hard = [{"problem": f"p{i}", "solution": f"s{i}", "level": "5", "type": "Algebra"} for i in range(300)]
    assert third_party("math_hard_algebra", "en", hard)[1]["label"] == "s1"
    shown = third_party("math_hard_algebra", "en", hard, examples=True)
    assert [row["label"] for row in shown] == ["s228", "s160", "s90", "s176"]  # row 363 is not there
    arena = [{"problem_idx": 3, "problem": "p", "answer": 7}, {"id": "x", "problem": "p", "answer": "8"}]
    made = third_party("aime_2025", "en", arena, path="MathArena/aime_2025")
    assert [(row["id"], row["label"]) for row in made] == [(3, "7"), ("x", "8")]


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("thai_exam_ic", {"question": "q"}, "no field 'answer'"),
        ("thai_exam_ic", {"question": 1, "answer": "a"}, "field 'question' should be a text"),
        ("gpqa_main", {"Question": "q"}, "no field 'Incorrect Answer 1'"),
        ("global_mmlu_law", {**_mmlu(0), "answer": "E"}, "should be one of ABCD"),
        ("mmlu_redux_law", {"question": "q", "choices": [], "error_type": "ok", "answer": 9}, "should be 0 to 3"),
        ("musr_x", {"narrative": "n", "question": "q", "choices": "[]", "answer_index": "1"}, "should be a number"),
    ],
)
def test_a_data_set_of_another_shape_is_named(name: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        third_party(name, "en", [row])


# --- files of the hub ------------------------------------------------------------------------------------------------

CARD = """---
license: cc-by-sa-4.0
configs:
- config_name: id
  data_files:
  - split: eval
    path: odd/place-*.jsonl
  - split: examples
    path: [odd/shown.jsonl]
---
"""


@pytest.mark.parametrize(
    ("names", "config", "split", "expected"),
    [
        (["id/eval-00000-of-00001.parquet", "th/eval-0.parquet"], "id", "eval", ["id/eval-00000-of-00001.parquet"]),
        (
            ["id/eval/0000.parquet", "id/eval/0001.parquet"],
            "id",
            "eval",
            ["id/eval/0000.parquet", "id/eval/0001.parquet"],
        ),
        (["data/ic/ic_test.jsonl", "data/ic/ic_train.jsonl"], "ic", "test", ["data/ic/ic_test.jsonl"]),
        (["gpqa_main.csv", "gpqa_extended.csv"], "gpqa_main", "train", ["gpqa_main.csv"]),
        (["navigate.jsonl"], "navigate", "examples", []),
        (["team_allocation.csv", "murder_mysteries.csv"], None, "team_allocation", ["team_allocation.csv"]),
        (["SuperGPQA-all.jsonl", "README.md"], None, "train", ["SuperGPQA-all.jsonl"]),
        (["a.jsonl", "b.jsonl"], None, "train", []),
        (["x/test.jsonl", "x/test.parquet"], "x", "test", ["x/test.parquet"]),
    ],
)
def test_files_are_chosen_by_their_names(names: list[str], config: str | None, split: str, expected: list[str]) -> None:
    assert choose(names, config, split) == expected


def test_files_are_chosen_by_the_front_matter() -> None:
    names = ["odd/place-1.jsonl", "odd/place-2.jsonl", "odd/shown.jsonl", "id/eval.jsonl"]
    assert choose(names, "id", "eval", CARD) == ["odd/place-1.jsonl", "odd/place-2.jsonl"]
    assert choose(names, "id", "examples", CARD) == ["odd/shown.jsonl"]
    assert choose(names, "id", "eval", "---\na: [\n---\n") == ["id/eval.jsonl"]


def test_tables_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"x": 1}]), encoding="utf-8")
    (tmp_path / "b.json").write_text('{"x": 1}\n{"x": 2}\n', encoding="utf-8")
    (tmp_path / "c.csv").write_text('x,y\n1,"a\nb"\n2,c\n', encoding="utf-8")
    assert read_table(tmp_path / "a.json") == [{"x": 1}]
    assert read_table(tmp_path / "b.json") == [{"x": 1}, {"x": 2}]
    assert read_table(tmp_path / "c.csv") == [{"x": 1, "y": "a\nb"}, {"x": 2, "y": "c"}]
    (tmp_path / "d.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(DataError, match="list of objects"):
        read_table(tmp_path / "d.json")


def test_arrow_and_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs the extra `data`")
    import pyarrow.ipc
    import pyarrow.parquet

    table = arrow.table({"x": [1, 2], "y": [["a"], None]})
    rows = [{"x": 1, "y": ["a"]}, {"x": 2, "y": None}]
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pyarrow.ipc.new_stream(tmp_path / "b.arrow", table.schema) as out:
        out.write_table(table)
    with pyarrow.ipc.new_file(tmp_path / "c.arrow", table.schema) as out:
        out.write_table(table)
    for name in ("a.parquet", "b.arrow", "c.arrow"):
        assert read_table(tmp_path / name) == rows
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"bad.parquet: cannot be read"):
        read_table(tmp_path / "bad.parquet")


def test_rows_come_from_a_downloaded_data_set(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    base = hub / "aisingapore" / "Own-Feeling"
    write_lines(base / "odd" / "place-1.jsonl", feeling("id"))
    write_lines(base / "odd" / "shown.jsonl", feeling("id", 2))
    write_lines(base / "th" / "eval.jsonl", [{**row, "metadata": {"language": "thai"}} for row in feeling("th")])
    write_lines(base / "th" / "examples.jsonl", feeling("th", 2))
    (base / "README.md").write_text(CARD, encoding="utf-8")
    write_lines(hub / "own" / "thai_exam" / "ic" / "test.jsonl", [{"question": "q", "a": "1", "answer": "a"}])
    for name in ("Own-Translation", "Own-Turns", "Own-Judged"):
        card = hub / "aisingapore" / name / "id" / "eval.jsonl"
        card.parent.mkdir(parents=True)
    copy = OfficialCopy.read(specification(tmp_path / "spec"))
    only = {name: task for name, task in copy.tasks.items() if name.startswith("feeling")}
    copy = OfficialCopy(**{**vars(copy), "tasks": only})
    taken = take(copy, [open_hub(Folder(hub))])
    assert taken.files["rows/feeling/id.jsonl"] == feeling("id")
    assert len(taken.files["examples/feeling/th.jsonl"]) == 2
    entry = taken.tasks["feeling"]["id"]
    assert (entry["rows"], entry["from"]) == (4, "hf:aisingapore/Own-Feeling id eval")
    assert entry["license"] == "CC-BY-SA-4.0"
    assert any("'thai', not 'th'" in problem for problem in taken.problems)


def test_a_data_set_without_the_split_or_not_there(tmp_path: Path) -> None:
    write_lines(tmp_path / "own" / "set" / "a" / "train.jsonl", [{"x": 1}])
    hub = open_hub(Folder(tmp_path))
    with pytest.raises(DataError, match="no file of config 'a', split 'test'"):
        hub.read("own/set", "a", "test")
    with pytest.raises(BackendError, match="hf:own/other"):
        hub.read("own/other", None, "test")
    assert Folder(tmp_path).names("own/set", CONVERTED) == []


def test_a_data_set_that_asks_for_consent_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    class Gated(Folder):
        def names(self, path: str, branch: str) -> list[str]:
            raise BackendError(f"hf:{path}: its owner asks for consent", hint=consent(path))

    copy = OfficialCopy.read(specification(tmp_path / "spec"))
    taken = take(copy, [open_hub(Gated(tmp_path))])
    assert not taken.files
    assert "HF_TOKEN" in str(taken.tasks["feeling"]["id"]["why"])
    assert any("Own-Feeling" in problem for problem in taken.problems)


def test_the_client_s_refusal_in_our_words() -> None:
    errors = pytest.importorskip("huggingface_hub.errors", reason="needs the extra `hub`")
    refused = errors.GatedRepoError.__new__(errors.GatedRepoError)
    with pytest.raises(BackendError, match="asks for consent") as caught, asked("a/b", "main"):
        raise refused
    assert caught.value.hint == consent("a/b")


def test_consent_names_the_page_and_the_token() -> None:
    assert "https://huggingface.co/datasets/a/b" in consent("a/b")
    assert "HF_TOKEN" in consent("a/b")


# --- made for a model ------------------------------------------------------------------------------------------------

WORDS = Tokens(lambda text: len(text.split()), lambda text, n: " ".join(text.split()[:n]))
NEEDLES = Needles(
    "Rain fell on the hill. A boat went by! Was it late? ",
    ["pot", "cup", "jar", "tin", "box"],
    "{needle} is {value}. ",
    ", and ",
)


def test_needles_stand_in_a_haystack_of_the_right_length() -> None:
    settings = {"context_size": 120, "min_num_keys": 4, "num_queries": 2, "num_samples": 5}
    rows = haystacks(NEEDLES, settings, "one two", WORDS)
    assert rows == haystacks(NEEDLES, settings, "one two", WORDS)
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    for row in rows:
        text, named = row["prompts"][0]["text"], row["prompts"][0]["needle_text"]
        assert text.count(" is ") == 4
        assert len(row["label"]) == 2
        assert all(f"is {value}. " in text for value in row["label"])
        assert named.count('"') == 4
        assert ", and " in named
        assert len(text.split()) <= 120 - 2


def test_a_needle_with_several_values_or_with_none() -> None:
    settings = {"context_size": 100, "min_num_keys": 3, "num_samples": 2}
    row = haystacks(NEEDLES, {**settings, "num_values": 3}, "", WORDS)[0]
    name = row["prompts"][0]["needle_text"].strip('"')
    assert row["prompts"][0]["text"].count(f"{name} is ") == 3
    assert haystacks(NEEDLES, {**settings, "num_values": 0}, "", WORDS)[0]["label"] == ["none"]
    with pytest.raises(DataError, match="one of the two"):
        haystacks(NEEDLES, settings, "", WORDS)
    with pytest.raises(DataError, match="no sentence fits"):
        haystacks(NEEDLES, {**settings, "context_size": 3, "num_values": 1}, "", WORDS)


def test_common_words_are_the_most_frequent() -> None:
    words = [f"w{i}" for i in range(80)]
    often = {"num_common_words": 3, "num_repeats_common_words": 9, "num_repeats_uncommon_words": 3}
    rows = common_words(words, {"context_size": 300, "num_samples": 3, **often}, "a prompt", WORDS.count)
    for row in rows:
        found = [each.partition(".")[2] or each for each in row["prompts"][0]["list"].split() if each.startswith("w")]
        counts = sorted(((found.count(word), word) for word in set(found)), reverse=True)
        assert {word for _, word in counts[:3]} == set(row["label"])
        assert abs(row["metadata"]["num_tokens"] - 300) < 110
    with pytest.raises(DataError, match="common words"):
        common_words(words[:2], {"context_size": 300, "num_samples": 1, **often}, "", WORDS.count)
    with pytest.raises(DataError, match="too small a context"):
        common_words(words, {"context_size": -500, "num_samples": 1, **often}, "", WORDS.count)
