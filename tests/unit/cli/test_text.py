"""`lontar text`: rows in, rows out, and errors that name the place."""

import json

import pytest

from lontar.core.shards import write_jsonl


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl.zst"
    write_jsonl(path, [
        {"id": 1, "text": "Besok pagi saya harus ke kantor, so please send me the report before the meeting"},
        {"id": "b", "text": "น\u0e4d\u0e32\u200bใส\x00"},
        {"id": None, "text": "ျမန္မာစာ ေကာင္းတယ္\nမြန်မာစာ"},
    ])  # fmt: skip
    return path


def rows(cli, *arguments):
    done = cli("text", *map(str, arguments))
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_langid(cli, file):
    first, thai, burmese = rows(cli, "langid", file)
    assert list(first) == ["id", "lang", "script", "score", "spans", "langs"]
    assert set(first["langs"]) == {"ind", "eng"} and [span[2] for span in first["spans"]] == ["ind", "eng"]
    assert (thai["id"], thai["lang"], thai["script"], thai["langs"]) == ("b", "tha", "Thai", ["tha"])
    assert burmese["id"] is None and burmese["lang"] == "mya"
    assert rows(cli, "langid", file, "--batch", 1) == [first, thai, burmese]


def test_zawgyi(cli, file):
    found = rows(cli, "zawgyi", file)
    assert [row["encoding"] for row in found] == ["unicode", "unicode", "zawgyi"]
    assert found[2]["text"] == "မြန်မာစာ ကောင်းတယ်\nမြန်မာစာ"


def test_normalize(cli, file):
    found = rows(cli, "normalize", file)
    assert found[1] == {"id": "b", "text": "น้ำใส".replace("น้ำ", "นำ"), "edits": {"control": 1, "zwsp": 1, "sara_am": 1}}
    assert found[2]["edits"]["zawgyi"] == 1
    assert rows(cli, "normalize", file, "--names", "zwsp")[1]["edits"] == {"zwsp": 1}
    assert "zawgyi" not in rows(cli, "normalize", file, "--lang", "th,lo")[2]["edits"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 1}', "rows.jsonl:2: no field 'text' (the row has id)"),
        ('{"text": "a"}', "rows.jsonl:2: no field 'id' (the row has text)"),
        ('{"id": 1, "text": 5}', "rows.jsonl:2: text: expected a string (got int)"),
        ("[1]", "rows.jsonl:2: expected a JSON object"),
        ('{"id": 1', "rows.jsonl:2: not JSON"),
    ],
)
def test_a_bad_row_is_named_and_the_rows_before_it_are_kept(cli, tmp_path, line, said):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"id": 0, "text": "a\\ud800 word"}}\n{line}\n', encoding="utf-8")
    for verb in ("langid", "zawgyi", "normalize"):
        done = cli("text", verb, str(path))
        assert done.code == 5 and said in done.err
        assert json.loads(done.out)["id"] == 0


def test_wrong_options(cli, file, tmp_path):
    assert cli("text", "langid", str(tmp_path / "none.jsonl")).code == 5
    assert cli("text", "langid", str(file), "--batch", "0").code == 2
    done = cli("text", "normalize", str(file), "--lang", "thx")
    assert done.code == 2 and "unknown language 'thx'" in done.err
    assert "did you mean" in cli("text", "langidd", str(file)).err
