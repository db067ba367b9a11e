import gzip
import json

import pytest
import zstandard

from lontar.data import readers
from lontar.data.config import Source
from lontar.data.readers import BadInputError, entries
from lontar.data.sources import Piece, SourceFile, plan
from lontar.errors import DataError

ROWS = [{"text": "ສະບາຍດີ", "n": 1}, {"text": "မင်္ဂလာပါ", "n": 2}]
BODY = "".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in ROWS).encode("utf-8")


def read(source, path):
    piece = Piece(SourceFile(path, path.name))
    return [(e.where, e.row()) for e in entries(source, piece)]


@pytest.mark.parametrize(
    ("name", "pack"), [("x.jsonl", bytes), ("x.jsonl.zst", zstandard.compress), ("x.jsonl.gz", gzip.compress)]
)
def test_json_lines_are_read_packed_or_not(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(BODY))
    assert read(Source(jsonl=str(path)), path) == [(f"{path}:1", ROWS[0]), (f"{path}:3", ROWS[1])]


def test_several_zstd_frames_are_one_file(tmp_path):
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstandard.compress(BODY) + zstandard.compress(BODY))
    assert len(read(Source(jsonl=str(path)), path)) == 4


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + BODY)
    assert read(Source(jsonl=str(path)), path)[0][1] == ROWS[0]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("line", [(1, "a"), (2, "b"), (5, "c")]),
        ("paragraph", [(1, "a\nb"), (5, "c")]),
        ("file", [(1, "a\nb\n\n \nc")]),
    ],
)
def test_units_of_text(tmp_path, unit, expected):
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\nb\n\n \nc\n")
    found = read(Source(text=str(path), unit=unit), path)
    assert found == [(f"{path}:{line}", {"text": text}) for line, text in expected]


@pytest.mark.parametrize("share", [3, 50, 99])
@pytest.mark.parametrize("name", ["x.jsonl.zst", "x.jsonl.gz"])
def test_a_cut_archive_is_an_error_with_file_and_line(tmp_path, name, share):
    body = b"".join(json.dumps({"text": f"{i * 7919}"}).encode() + b"\n" for i in range(5000))
    packed = zstandard.compress(body) if name.endswith("zst") else gzip.compress(body)
    path = tmp_path / name
    path.write_bytes(packed[: len(packed) * share // 100])
    with pytest.raises(DataError, match=rf"{name}: damaged after line \d+"):
        read(Source(jsonl=str(path)), path)


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (b'{"text": "\xe0\xb8"}', "invalid_utf8", ":2:10: not UTF-8"),
        (b'{"text": ', "invalid_json", ":2: not JSON"),
        (b"[1]", "invalid_json", ":2: expected a JSON object"),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_is_still_read(tmp_path, line, reason, said):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "a"}\n' + line + b'\n{"text": "b"}\n')
    first, second, third = entries(Source(jsonl=str(path)), Piece(SourceFile(path, path.name)))
    assert (first.row(), third.row()) == ({"text": "a"}, {"text": "b"})
    with pytest.raises(BadInputError) as caught:
        second.row()
    assert caught.value.reason == reason and f"{path}{said}" in caught.value.message


def test_a_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"{}\n" + b"x" * 5000)
    with pytest.raises(DataError, match=f"{path}:2: a line of more than"):
        read(Source(jsonl=str(path)), path)


def test_parquet_row_groups_are_pieces_and_rows_are_numbered_through(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    table = arrow.table({"text": [f"t{i}" for i in range(10)], "lang": ["id"] * 10})
    parquet.write_table(table, path, row_group_size=4)
    source = Source(parquet=str(path))
    pieces = [piece for shard in plan([source]) for piece in shard.pieces]
    assert [(p.start, p.line) for p in pieces] == [(0, 1), (1, 5), (2, 9)]
    found = [(e.where, e.row()["text"]) for piece in pieces for e in entries(source, piece)]
    assert found == [(f"{path}:{i + 1}", f"t{i}") for i in range(10)]


def test_a_file_that_is_not_parquet_is_named(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="cannot read as Parquet"):
        plan([Source(parquet=str(path))])
