import gzip
import json
from pathlib import Path

import pytest
import zstandard

from lontar.core.artifact import Records
from lontar.data import chats, table
from lontar.data.chat_config import ChatsConfig
from lontar.errors import ConfigError, DataError, LicenseError
from lontar.samples import skills


def turns(*contents):
    return [{"role": ("user", "assistant")[i % 2], "content": c} for i, c in enumerate(contents)]


def row(*contents, **fields):
    return {"lang": "id", "license": "CC0-1.0", "source": "ours", "messages": turns(*contents), **fields}


def shared(*values, **fields):
    found = [{"from": ("human", "gpt")[i % 2], "value": v} for i, v in enumerate(values)]
    return {"lang": "id", "license": "CC0-1.0", "source": "ours", "conversations": found, **fields}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(rows):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode("utf-8")


def save(name, *rows):
    Path(name).write_bytes(lines(rows))


def config(**given):
    source = given.pop("source", {"jsonl": "*.jsonl"})
    return ChatsConfig.model_validate({"sources": [source], "heldout": {"share": 0}, **given})


def said(records, split="train", langs=None):
    return [[(m.role, m.content) for m in chat.messages] for chat in records.chats(split, langs)]


# --- what comes out --------------------------------------------------------------------------------------------------


def test_both_formats_give_the_same_chats():
    save("a.jsonl", row("Apa kabar?", "Baik.", "Di mana?", "Di sini."))
    save("b.jsonl", shared("Apa kabar?", "Baik.", "Di mana?", "Di sana.", system="Jawab singkat."))
    made = chats("out", config=config())
    assert isinstance(made, Records) and made.verify() == [] and made.langs() == ["id"]
    first, second = said(made)
    assert first == [("user", "Apa kabar?"), ("assistant", "Baik."), ("user", "Di mana?"), ("assistant", "Di sini.")]
    assert second == [("system", "Jawab singkat."), *first[:3], ("assistant", "Di sana.")]
    assert set(made.manifest.files) == {"counts.json", "train/id-00000.jsonl.zst"}
    chat = next(made.chats())
    assert (chat.id, chat.lang, chat.source, chat.license) == ("a.jsonl:1", "id", "ours", "CC0-1.0")


def test_compressed_files_are_unpacked_and_a_limit_counts_per_language():
    rows = [row("tanya", str(i), lang=("id", "th")[i % 2]) for i in range(6)]
    Path("a.jsonl.gz").write_bytes(gzip.compress(lines(rows[:3])))
    Path("b.jsonl.zst").write_bytes(zstandard.compress(lines(rows[3:])))
    made = chats("out", config=config(source={"jsonl": "*.jsonl.*", "limit": 2}))
    assert [messages[1][1] for messages in said(made)] == ["0", "2", "1", "3"]
    assert made.langs() == ["id", "th"] and made.langs("heldout") == []


def test_every_row_is_accounted_for_and_licenses_are_kept():
    save("a.jsonl", row("a", "b"), row("a", "b"), row("a", "b", lang="qaa"), row("a", "c", license="MIT", source="x"))
    made = chats("out", config=config())
    assert table(made)[-1] == {
        "lang": "total", "in": 4, "train": 2, "heldout": 0, "duplicate": 1, "unknown_language": 1,
    }  # fmt: skip
    assert made.manifest.metrics["chats.train.id"] == 2 and made.manifest.metrics["bytes.train.id"] == 6
    assert [(s.spdx, s.source, s.documents) for s in made.manifest.license.sources] == [
        ("CC0-1.0", "ours", 1),
        ("MIT", "x", 1),
    ]


def test_the_source_says_what_rows_do_not():
    save("a.jsonl", {"messages": turns("a", "b")})
    made = chats("out", config=config(source={"jsonl": "a.jsonl", "lang": "th", "license": "MIT", "source": "web"}))
    chat = next(made.chats())
    assert (chat.id, chat.lang, chat.source, chat.license) == ("web/a.jsonl:1", "th", "web", "MIT")


def test_only_languages_asked_for():
    save("a.jsonl", row("a", "b"), row("a", "b", lang="th"))
    made = chats("out", config=config(source={"jsonl": "a.jsonl", "langs": ["th"]}))
    assert made.langs() == ["th"]
    assert table(made)[0]["not_selected"] == 1


def test_what_else_a_row_says_is_kept():
    save("a.jsonl", row("a", "b", skill="copy", answer="b", nested={"x": [1, None]}))
    made = chats("out", config=config())
    stored = json.loads(zstandard.decompress((made.path / "train/id-00000.jsonl.zst").read_bytes(), 10_000))
    assert (stored["skill"], stored["answer"], stored["nested"]) == ("copy", "b", {"x": [1, None]})


def test_messages_are_normalized_by_the_language_of_the_chat():
    save("a.jsonl", row("ພາສາ\u200bລາວ", "ແມ່ນ\u200bແລ້ວ", lang="lo"))
    assert said(chats("a", config=config())) == [[("user", "ພາສາລາວ"), ("assistant", "ແມ່ນແລ້ວ")]]
    assert said(chats("b", config=config(normalize="none")))[0][0] == ("user", "ພາສາ\u200bລາວ")


def test_equal_after_normalization_is_a_duplicate_and_other_punctuation_is_not():
    save("a.jsonl", row("a  b", "c"), row("a b", "c"), row("a b", "c!"), row("A b", "c"))
    assert len(said(chats("a", config=config()))) == 3
    assert len(said(chats("b", config=config(duplicates="keep")))) == 4


def test_a_row_names_its_side_and_the_hash_decides_on_others():
    rows = [row("a", str(i), id=str(i)) for i in range(200)]
    save("a.jsonl", row("x", "y", split="test"), row("x", "z", split="train"), *rows)
    made = chats("out", config=config(heldout={"share": 0.3}))
    held = said(made, "heldout")
    assert [("user", "x"), ("assistant", "y")] in held and [("user", "x"), ("assistant", "z")] in said(made)
    assert 40 < len(held) < 80
    again = chats.using(seed=5)("again", config=config(heldout={"share": 0.3}))
    assert again.digest == made.digest


# --- made here -------------------------------------------------------------------------------------------------------


def test_skills_are_made_with_both_sides():
    lang = "en"
    source = {"synthetic": "skills", "langs": [lang], "skills": ["copy", "digits"], "count": 12, "heldout": 4}
    made = chats.using(seed=3)("out", config=config(source=source))
    assert (len(said(made)), len(said(made, "heldout"))) == (24, 8)
    assert next(made.chats()).id == "en-copy-train-00001"
    assert made.manifest.license.spdx == "CC0-1.0"
    expected = [r["messages"][1]["content"] for r in skills.generate(lang, "copy", 12, "train", 3)]
    assert [m[1][1] for m in said(made)][:12] == expected
    assert {"skills:en", "language:en"} <= set(made.manifest.uses)
    assert not {json.dumps(m) for m in said(made)} & {json.dumps(m) for m in said(made, "heldout")}
    other = chats.using(seed=4)("other", config=config(source=source))
    assert other.digest != made.digest
    assert chats.using(seed=3)("again", config=config(source=source)).digest == made.digest


def test_a_language_without_skills_is_named():
    with pytest.raises(DataError, match=r"no skills are written in qaa"):
        chats("out", config=config(source={"synthetic": "skills"}).model_copy(update={"sources": (broken(),)}))


def broken():
    from lontar.data.chat_config import ChatSource

    return ChatSource.model_construct(**{**dict(ChatSource(synthetic="skills")), "langs": ("qaa",)})


# --- what is wrong with a row ----------------------------------------------------------------------------------------

IMAGE = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "x"}}]


def openai(*messages, **fields):
    return row(**fields) | {"messages": list(messages)}


USER, ANSWER = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}

WRONG = {
    "unknown_role": (
        openai(USER, {"role": "asistant", "content": "b"}),
        r"messages\[1\].role: \"asistant\"",
        "did you mean assistant",
    ),
    "role_number": (
        openai(USER, {"role": 3, "content": "b"}),
        r"messages\[1\].role: 3 is not a role",
        "system, developer",
    ),
    "empty": (
        openai(USER, {"role": "assistant", "content": " \n"}),
        r"messages\[1\].content: is empty",
        "cut the chat",
    ),
    "null": (
        openai(USER, {"role": "assistant", "content": None}),
        r"content: must be text \(got null\)",
        "leave the row out",
    ),
    "image": (
        openai({"role": "user", "content": IMAGE}, ANSWER),
        r"messages\[0\].content\[1\]: a part of type 'image_url'",
        "text",
    ),
    "part": (
        openai({"role": "user", "content": ["a"]}, ANSWER),
        r"messages\[0\].content\[0\]: \"a\" is not text",
        "text",
    ),
    "two users": (openai(USER, USER, ANSWER), r"messages\[1\]: user after user", "after user comes assistant"),
    "answer first": (openai(ANSWER, USER, ANSWER), r"messages\[0\]: assistant at the beginning", "system or user"),
    "late system": (
        openai(USER, ANSWER, {"role": "system", "content": "x"}),
        r"messages\[2\]: system after assistant",
        "user or tool",
    ),
    "tool after user": (
        openai(USER, {"role": "tool", "content": "x"}, ANSWER),
        r"messages\[1\]: tool after user",
        "assistant",
    ),
    "no answer": (openai(USER, ANSWER, USER), r"messages\[2\]: the last turn is user", "after its last answer"),
    "calls": (
        openai(USER, {**ANSWER, "tool_calls": [{"id": 1}]}),
        r"messages\[1\].tool_calls: calls of tools",
        "leave",
    ),
    "weight": (openai(USER, {**ANSWER, "weight": 0}), r"messages\[1\].weight: 0 asks for no training", "cut"),
    "no field": (
        openai(USER, {"role": "assistant", "text": "b"}),
        r"messages\[1\]: no field 'content' \(its fields: role, text\)",
        "openai turns",
    ),
    "no list": (
        {"lang": "id", "license": "MIT", "prompt": "a"},
        "neither `messages` nor `conversations`",
        "its fields: lang, license, prompt",
    ),
    "both lists": ({**row("a", "b"), "conversations": []}, "both `messages` and `conversations`", "one of the two"),
    "no turns": (openai(), r"messages must be a list of turns \(got \[\]\)", "leave the row out"),
    "a text": (openai("hello"), r"messages\[0\] has neither `role` nor `from`: \"hello\"", "role"),
    "language": (row("a", "b", lang=None), "no field 'lang'", "lang:"),
    "split": (row("a", "b", split="later"), "split 'later' is not known", "train"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_stops_with_file_line_field_value_and_fix(name):
    wrong, message, hint = WRONG[name]
    save("a.jsonl", wrong)
    with pytest.raises(DataError, match=message) as caught:
        chats("out", config=config())
    assert caught.value.message.startswith("a.jsonl:1: ")
    assert hint in caught.value.hint


def test_a_result_of_a_tool_stands_between_answers():
    tool = {"role": "tool", "content": "21"}
    save("a.jsonl", openai({"role": "developer", "content": "s"}, USER, ANSWER, tool, tool, ANSWER))
    roles = [role for role, _ in said(chats("out", config=config()))[0]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "assistant"]


def test_parts_of_text_are_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    save("a.jsonl", openai({"role": "user", "content": parts}, ANSWER))
    assert said(chats("out", config=config()))[0][0] == ("user", "ab")


@pytest.mark.parametrize(("field", "value"), [("from", "function_call"), ("from", "ghost"), ("value", 3)])
def test_sharegpt_rows_are_checked_too(field, value):
    wrong = shared("a", "b")
    wrong["conversations"][1][field] = value
    save("a.jsonl", wrong)
    with pytest.raises(DataError, match=rf"a.jsonl:1: conversations\[1\].{field}: "):
        chats("out", config=config())


def test_the_first_row_decides_on_the_format_of_a_file():
    save("a.jsonl", row("a", "b"), shared("a", "b"))
    with pytest.raises(DataError, match=r"a.jsonl:2: conversations\[0\]: no field 'role'") as caught:
        chats("out", config=config())
    assert "set format" in caught.value.hint
    with pytest.raises(DataError, match=r"a.jsonl:1: messages\[0\]: no field 'from'"):
        chats("out", config=config(source={"jsonl": "a.jsonl", "format": "sharegpt"}))


def test_either_name_of_the_list_goes_with_either_kind_of_turn():
    save("a.jsonl", {**row(), "messages": shared("a", "b")["conversations"]})
    assert said(chats("out", config=config())) == [[("user", "a"), ("assistant", "b")]]


def test_nothing_but_invisible_characters_is_empty():
    save("a.jsonl", row("a", "\u200b", lang="lo"))
    with pytest.raises(DataError, match=r"a.jsonl:1: turn 1: nothing is left of"):
        chats("out", config=config())


def test_no_license_is_an_error_whatever_is_skipped():
    save("a.jsonl", row("a", "b", license=None))
    with pytest.raises(LicenseError, match=r"a.jsonl:1: no license"):
        chats("out", config=config(on_error="skip"))


def test_wrong_rows_are_counted_up_to_a_number():
    bad = [json.dumps(w) for w, _, _ in list(WRONG.values())[:3]]
    Path("a.jsonl").write_text("\n".join([*bad, "{", json.dumps(row("a", "b"))]), encoding="utf-8")
    made = chats("out", config=config(on_error="skip"))
    counts = json.loads((made.path / "counts.json").read_text(encoding="utf-8"))
    assert counts["languages"]["und"]["dropped"] == {"empty_content": 1, "invalid_json": 1, "unknown_role": 2}
    assert len(counts["errors"]) == 4 and counts["errors"][0].startswith("a.jsonl:1: ")
    with pytest.raises(DataError, match=r"4 rows are no chats to learn from, max_errors is 3") as caught:
        chats("few", config=config(on_error="skip", max_errors=3))
    assert "a.jsonl:2" in caught.value.message


def test_an_unknown_language_stops_when_asked():
    save("a.jsonl", row("a", "b", lang="qaa"))
    with pytest.raises(DataError, match=r"a.jsonl:1: no language file for 'qaa'"):
        chats("out", config=config(unknown_language="stop"))
    with pytest.raises(DataError, match=r"no chat is left: unknown_language 1"):
        chats("none", config=config())


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "exactly one of jsonl, synthetic"),
        ({"jsonl": "a", "synthetic": "skills"}, "exactly one of jsonl, synthetic"),
        ({"jsonl": "a", "count": 3}, "`count` does not go with `jsonl`"),
        ({"synthetic": "skills", "license": "MIT"}, "`license` does not go with `synthetic`"),
        ({"synthetic": "skills", "skills": ["copi"]}, "unknown skill 'copi' .did you mean copy"),
        ({"synthetic": "jokes"}, "skills"),
        ({"jsonl": "a", "lang": "xx"}, "unknown language 'xx'"),
        ({"jsonl": "a", "limit_docs": 3}, "limit_docs"),
    ],
)
def test_settings_that_do_not_fit(source, message):
    from lontar.core.config import validate

    with pytest.raises(ConfigError, match=message):
        validate(ChatsConfig, {"sources": [source]})
    with pytest.raises(ConfigError, match=r"at least one source"):
        validate(ChatsConfig, {"sources": []})


def test_a_missing_file_is_named_before_anything_is_made():
    with pytest.raises(DataError, match=r"none.jsonl"):
        chats("out", config=config(source={"jsonl": "none.jsonl"}))
    assert not Path("out").exists()


def test_records_that_are_no_chats(make_artifact, folder):
    data = zstandard.compress(lines([{"id": "1", "messages": [{"role": "bot", "content": "a"}]}]))
    made = make_artifact(folder / "bad", "records", {"train/id-00000.jsonl.zst": data})
    with pytest.raises(DataError, match=r"id-00000.jsonl.zst:1: field 'messages.0.role' of a chat"):
        list(made.chats())
    assert list(made.chats(langs=["th"])) == []
