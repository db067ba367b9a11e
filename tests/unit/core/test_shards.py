"""Files written whole or not at all; shards with the same bytes for the same rows."""

import json
import os

import pytest
import zstandard

from lontar.core.shards import (
    open_binary,
    parse_row,
    read_jsonl,
    replacing,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)
from lontar.errors import ConfigError, DataError

ROWS = [{"id": "1", "text": "แม่น้ำ\u2028กว้าง"}, {"id": "2", "n": [1, 2.5, None, True], "text": "a\nb"}]


@pytest.mark.parametrize("name", ["a.jsonl", "deep/er/a.jsonl.zst"])
def test_rows_come_back_with_their_line(tmp_path, name):
    assert write_jsonl(tmp_path / name, iter(ROWS)) == 2
    assert list(read_jsonl(tmp_path / name)) == [(1, ROWS[0]), (2, ROWS[1])]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_equal_rows_give_equal_bytes(tmp_path, name):
    many = [{"id": str(i), "text": "แม่น้ำ " * (i % 7)} for i in range(5000)]
    write_jsonl(tmp_path / "one" / name, many)
    write_jsonl(tmp_path / "two" / name, iter(many))
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_no_rows_is_a_file_too(tmp_path):
    assert write_jsonl(tmp_path / "a.jsonl.zst", []) == 0
    assert list(read_jsonl(tmp_path / "a.jsonl.zst")) == []


def broken_rows():
    yield {"id": "new"}
    raise RuntimeError("in the middle")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_an_error_in_the_middle_leaves_the_old_file(tmp_path, name):
    write_jsonl(tmp_path / name, ROWS)
    with pytest.raises(RuntimeError, match="in the middle"):
        write_jsonl(tmp_path / name, broken_rows())
    assert [row for _, row in read_jsonl(tmp_path / name)] == ROWS
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_an_error_in_the_middle_leaves_no_new_file(tmp_path):
    with pytest.raises(RuntimeError):
        write_jsonl(tmp_path / "a.jsonl", broken_rows())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_seen_before_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".txt"
    assert path.read_text(encoding="utf-8") == "half"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"], ids=["nan", "inf", "half a surrogate"])
def test_rows_that_no_reader_could_read_are_refused(tmp_path, value):
    with pytest.raises(DataError, match=r"a\.jsonl: row 2: has no JSON form"):
        write_jsonl(tmp_path / "a.jsonl", [{"x": 1}, {"x": value}])
    assert list(tmp_path.iterdir()) == []


def test_text_and_json_are_utf8_with_the_line_ends_given(tmp_path):
    write_text(tmp_path / "a", "ก\r\nข\n")
    assert (tmp_path / "a").read_bytes() == "ก\r\nข\n".encode()
    write_json(tmp_path / "b", {"z": 1, "a": "ก"})
    assert (tmp_path / "b").read_text(encoding="utf-8") == '{\n "a": "ก",\n "z": 1\n}\n'
    with pytest.raises(ConfigError, match="no JSON form"):
        write_json(tmp_path / "c", {"x": float("nan")})
    assert not (tmp_path / "c").exists()


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'{"a": "caf\xe9"}', "not UTF-8 at byte 10"),
        (b'{"a": ', "not JSON at column"),
        (b"[1, 2]", "expected a JSON object (got list)"),
        (b'"text"', "expected a JSON object (got str)"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "\\ud800"}', "cannot be kept"),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be kept"),
        (b"[" * 100_000, "cannot be kept"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line, words):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert caught.value.message.startswith(f"{path}:3: ")
    assert words in caught.value.message


def test_whole_surrogate_pairs_are_read():
    assert parse_row(b'{"a": "\\ud83d\\ude00 \\u0e01"}', "x") == {"a": "\U0001f600 ก"}


def cut(data):
    return data[: len(data) // 2]


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flipped, lambda d: d[:9], lambda d: b"not zstd at all", lambda d: d[:-1]])
@pytest.mark.parametrize("rows", [2, 20_000])
def test_a_damaged_archive_is_an_error_never_fewer_rows(tmp_path, damage, rows):
    path = tmp_path / "a.jsonl.zst"
    write_jsonl(path, [{"id": os.urandom(8).hex()} for _ in range(rows)])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path))
    assert str(path) in caught.value.message


def test_several_frames_are_one_file(tmp_path):
    one = zstandard.compress(b'{"a": 1}\n{"a": 2')
    two = zstandard.compress(b'2}\n{"a": 3}')
    (tmp_path / "a.jsonl.zst").write_bytes(one + two)
    assert [row["a"] for _, row in read_jsonl(tmp_path / "a.jsonl.zst")] == [1, 22, 3]


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="cannot read"), open_binary(tmp_path):
        pass


def test_plain_files_are_read_as_they_are(tmp_path):
    write_bytes(tmp_path / "a", b"\x00\xff")
    with open_binary(tmp_path / "a") as stream:
        assert stream.read() == b"\x00\xff"


def test_a_row_is_one_line_of_json(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"b": "x\ny", "a": 1}])
    text = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    assert json.loads(text) == {"b": "x\ny", "a": 1}
