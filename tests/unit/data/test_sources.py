import pytest

from lontar.data import sources
from lontar.data.config import Source
from lontar.data.readers import entries
from lontar.data.sources import find_files, plan
from lontar.errors import DataError


def source(**given):
    return Source.model_validate({"license": "CC0-1.0", "lang": "th", **given})


def lines_of(given, shards):
    return [e.row()["text"] for shard in shards for piece in shard.pieces for e in entries(given, piece)]


def test_a_pattern_finds_files_in_order_and_names_them_below_its_fixed_part(tmp_path):
    for name in ("b/x.txt", "a/y.txt", "a/.hidden.txt", "a/z.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("ไทย\n", encoding="utf-8")
    found = find_files(source(text=f"{tmp_path}/**/*.txt"))
    assert [file.name for file in found] == ["a/y.txt", "b/x.txt"]


def test_a_pattern_is_relative_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "x.txt").write_text("a", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [f.name for f in find_files(source(text="*.txt"))] == ["x.txt"]


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("no*.txt", "no file matches", "working folder"),
        ("no.txt", "no such file", "working folder"),
        ("", "folder", "*.jsonl"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, name, said, hint):
    with pytest.raises(DataError) as caught:
        find_files(source(text=f"{tmp_path}/{name}"))
    assert str(tmp_path) in caught.value.message and said in caught.value.message and hint in caught.value.hint


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(DataError, match="'nonesuch'"):
        find_files(Source(sample="nonesuch"))


@pytest.mark.parametrize("limit", [1, 7, 40, 1000])
@pytest.mark.parametrize("end", ["\n", ""])
def test_cutting_a_file_loses_and_repeats_no_line_and_keeps_line_numbers(tmp_path, monkeypatch, limit, end):
    monkeypatch.setattr(sources, "SHARD_BYTES", limit)
    path = tmp_path / "x.txt"
    texts = [f"บรรทัด {i}" for i in range(23)]
    path.write_text("\n".join(texts) + end, encoding="utf-8")
    given = source(text=str(path))
    shards = plan([given])
    assert lines_of(given, shards) == texts
    places = [e.where for shard in shards for piece in shard.pieces for e in entries(given, piece)]
    assert places == [f"{path}:{i}" for i in range(1, 24)]
    assert (len(shards) > 1) == (limit < 400)


def test_small_files_are_worked_on_together_up_to_the_size_of_a_shard(tmp_path, monkeypatch):
    for i in range(10):
        (tmp_path / f"{i}.txt").write_bytes(b"x" * 30)
    monkeypatch.setattr(sources, "SHARD_BYTES", 100)
    assert [len(shard.pieces) for shard in plan([source(text=f"{tmp_path}/*.txt")])] == [3, 3, 3, 1]


def test_shards_do_not_mix_sources(tmp_path):
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    given = source(text=f"{tmp_path}/a.txt")
    assert [shard.source for shard in plan([given, given])] == [0, 1]
