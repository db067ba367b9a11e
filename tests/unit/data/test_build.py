import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lontar.core import plugins
from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.core.shards import read_jsonl
from lontar.data import build, shard, sources, table, writer
from lontar.data.config import BuildConfig
from lontar.errors import ConfigError, DataError, DriftError, LicenseError

ROWS = [
    {"id": "1", "lang": "id", "text": "Selamat pagi semua teman-teman.", "license": "CC0-1.0", "source": "ours"},
    {"id": "1", "lang": "th", "text": "สวัสดีตอนเช้าเพื่อนทุกคน", "license": "CC0-1.0", "source": "ours"},
    {"id": "2", "lang": "id", "text": "Air sungai itu jernih sekali.", "license": "CC-BY-4.0", "source": "web"},
    {"id": "3", "lang": "th", "text": "English words only", "license": "CC0-1.0", "source": "ours"},
    {"id": "4", "lang": "id", "text": "SELAMAT pagi, semua teman teman!", "license": "CC0-1.0", "source": "ours"},
    {"id": "5", "lang": "id", "text": "Hai", "license": "CC0-1.0", "source": "ours"},
    {"id": "6", "lang": "qaa", "text": "nobody knows", "license": "CC0-1.0", "source": "ours"},
    {"id": "7", "lang": "id", "text": " … ", "license": "CC0-1.0", "source": "ours"},
]
FILTERS = [{"char_count": {"min_chars": 4}}, "language_share"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name, rows):
    with Path(name).open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def config(**given):
    return BuildConfig.model_validate({"sources": [{"jsonl": "*.jsonl"}], "filters": FILTERS, **given})


def ids(corpus, split="train"):
    return [(doc.lang, doc.id) for doc in corpus.documents(split)]


def test_every_document_is_accounted_for(folder):
    save("a.jsonl", ROWS)
    corpus = build("out", config=config(heldout={"share": 0}))
    assert ids(corpus) == [("id", "1"), ("id", "2"), ("th", "1")]
    counts = json.loads((corpus.path / "counts.json").read_text(encoding="utf-8"))
    indonesian = counts["languages"]["id"]
    assert indonesian["in"] == {"docs": 5, "bytes": sum(len(r["text"].encode()) for r in ROWS if r["lang"] == "id")}
    assert indonesian["dropped"] == {"duplicate": 1, "no_letters": 1, "too_few_chars": 1}
    assert indonesian["licenses"] == {"CC-BY-4.0": 1, "CC0-1.0": 1}
    for lang in counts["languages"].values():
        assert lang["in"]["docs"] == lang["train"]["docs"] + lang["heldout"]["docs"] + sum(lang["dropped"].values())
    assert table(corpus)[-1] == {
        "lang": "total", "in": 8, "train": 3, "heldout": 0,
        "duplicate": 1, "no_letters": 1, "too_few_chars": 1, "unknown_language": 1, "wrong_script": 1,
    }  # fmt: skip
    assert corpus.manifest.metrics["docs.train.id"] == 2
    assert corpus.manifest.metrics["bytes.train.th"] == len(ROWS[1]["text"].encode())


def test_licenses_are_counted_by_source(folder):
    save("a.jsonl", ROWS)
    license_ = build("out", config=config()).manifest.license
    assert license_.spdx == "CC-BY-4.0 AND CC0-1.0"
    assert [(s.spdx, s.source, s.documents) for s in license_.sources] == [
        ("CC-BY-4.0", "web", 1),
        ("CC0-1.0", "ours", 2),
    ]


def test_documents_are_normalized_by_their_own_language(folder):
    save("a.jsonl", [{**ROWS[0], "lang": "lo", "text": "ພາສາ\u200bລາວ"}])
    wanted = {"heldout": {"share": 0}, "filters": []}
    assert next(build("a", config=config(**wanted)).documents()).text == "ພາສາລາວ"
    assert next(build("b", config=config(**wanted, normalize="none")).documents()).text == "ພາສາ\u200bລາວ"


def test_a_row_that_names_its_side_goes_there_and_duplicates_do_not_leak(folder):
    rows = [
        {**ROWS[0], "id": "a", "split": "heldout"},
        {**ROWS[0], "id": "b", "split": "train"},
        {**ROWS[2], "split": "train"},
    ]
    save("a.jsonl", rows)
    corpus = build("out", config=config())
    assert ids(corpus, "heldout") == [("id", "a")] and ids(corpus) == [("id", "2")]
    assert ids(build("keep", config=config(duplicates="keep"))) == [("id", "b"), ("id", "2")]


def test_duplicates_are_found_across_files_and_languages_and_the_first_stays(folder):
    save("a.jsonl", [{**ROWS[0], "lang": "ms"}])
    save("b.jsonl", [ROWS[0], ROWS[2]])
    corpus = build("out", config=config(heldout={"share": 0}))
    assert ids(corpus) == [("id", "2"), ("ms", "1")]


def many(folder, monkeypatch, n=400):
    monkeypatch.setattr(sources, "SHARD_BYTES", 4096)
    for name in "ab":
        texts = [f"Kalimat nomor {name if i % 7 else ''} {i} ini panjang." for i in range(n)]
        save(f"{name}.jsonl", [{**ROWS[0], "id": str(i), "text": text} for i, text in enumerate(texts)])
    assert len(sources.plan(config().sources)) > 10


def test_the_number_of_workers_changes_nothing(folder, monkeypatch):
    many(folder, monkeypatch)
    one = build("one", config=config())
    two = build.using(resources=Resources(workers=2))("two", config=config())
    assert one.digest == two.digest
    assert len(ids(one)) + len(ids(one, "heldout")) == 800 - 58


def test_where_the_input_is_cut_changes_nothing(folder, monkeypatch):
    many(folder, monkeypatch)
    cut = build("cut", config=config())
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert build("whole", config=config()).digest == cut.digest


def test_limits_count_per_language_and_source_whatever_the_shards(folder, monkeypatch):
    many(folder, monkeypatch)
    limited = {
        "sources": [{"jsonl": "a.jsonl", "limit_docs": 150}, {"jsonl": "b.jsonl", "lang": "ms", "limit_bytes": 2000}]
    }
    wanted = config(**limited, duplicates="keep", heldout={"share": 0})
    corpus = build("out", config=wanted)
    total = table(corpus)
    assert total[0]["in"] == total[0]["train"] == 150
    texts = [doc.text for doc in corpus.documents(langs=["ms"])]
    assert 1900 < sum(len(text.encode()) for text in texts) <= 2000
    assert [doc.id for doc in corpus.documents(langs=["ms"])] == [str(i) for i in range(len(texts))]
    assert build.using(resources=Resources(workers=2))("two", config=wanted).digest == corpus.digest


def test_a_run_that_is_cut_off_goes_on_where_it_stopped(folder, monkeypatch):
    many(folder, monkeypatch)
    whole = build("whole", config=config())
    worked = []

    def failing(task):
        worked.append(task.index)
        if len(worked) == 6:
            raise KeyboardInterrupt
        return shard.work(task)

    monkeypatch.setattr("lontar.data.stages.work", failing)
    with pytest.raises(KeyboardInterrupt):
        build("cut", config=config())
    assert build("cut", config=config()).digest == whole.digest
    assert worked[5] == worked[6] == 5  # the sixth is done again, the first five are not


def test_killed_while_workers_run_and_taken_up_again(folder, monkeypatch):
    many(folder, monkeypatch, n=1500)
    script = textwrap.dedent(
        """
        import sys
        from lontar.core.executor import Resources
        from lontar.data import BuildConfig, build, sources
        if __name__ == "__main__":
            sources.SHARD_BYTES = 4096
            config = BuildConfig.model_validate({"sources": [{"jsonl": "*.jsonl"}], "filters": ["char_count"]})
            print(build.using(resources=Resources(workers=2))(sys.argv[1], config=config).digest)
        """
    )
    (folder / "script.py").write_text(script, encoding="utf-8")
    run = [sys.executable, "script.py"]
    expected = subprocess.run([*run, "whole"], check=True, capture_output=True, text=True).stdout
    process = subprocess.Popen([*run, "cut"], stdout=subprocess.PIPE)
    while process.poll() is None and len(list(folder.glob(".cut.*/.scratch/outcomes/*.zst"))) < 5:
        pass
    process.kill()
    process.communicate()
    assert subprocess.run([*run, "cut"], check=True, capture_output=True, text=True).stdout == expected


def test_a_second_run_reuses_and_changed_input_is_drift(folder):
    save("a.jsonl", ROWS)
    first = build("out", config=config())
    assert build("out", config=config()).manifest.seal == first.manifest.seal
    save("a.jsonl", ROWS[:4])
    with pytest.raises(DriftError, match=r"uses\.file:a\.jsonl"):
        build("out", config=config())
    with pytest.raises(DriftError, match="min_chars: 4 → 5"):
        save("a.jsonl", ROWS)
        build("out", config=config(filters=[{"char_count": {"min_chars": 5}}, "language_share"]))


def test_only_language_files_that_can_matter_enter_the_fingerprint(folder):
    save("a.jsonl", ROWS)
    named = build("a", config=config(sources=[{"jsonl": "a.jsonl", "langs": ["th", "id"]}])).manifest.uses
    unnamed = build("b", config=config()).manifest.uses
    assert [k for k in named if k.startswith("language:")] == ["language:id", "language:th"]
    assert len([k for k in unnamed if k.startswith("language:")]) >= 13


def test_bad_lines_stop_or_are_counted(folder):
    save("a.jsonl", ROWS)
    Path("b.jsonl").write_bytes(b'{"text": "\xff"}\n{"text":\n{"id": "x"}\n')
    with pytest.raises(DataError, match=r"b\.jsonl:1:10: not UTF-8"):
        build("out", config=config())
    corpus = build("out", config=config(on_error="skip"))
    assert (
        table(corpus)[-2] | {"lang": "und", "in": 3, "invalid_utf8": 1, "invalid_json": 1, "missing_field": 1}
        == table(corpus)[-2]
    )
    errors = json.loads((corpus.path / "counts.json").read_text(encoding="utf-8"))["errors"]
    assert [line.partition(": ")[0] for line in errors] == ["b.jsonl:1:10", "b.jsonl:2", "b.jsonl:3"]
    with pytest.raises(DataError, match="2 lines cannot be read, max_errors is 1"):
        build("few", config=config(on_error="skip", max_errors=1))


def test_no_license_stops_even_when_bad_lines_are_skipped(folder):
    save("a.jsonl", [ROWS[0], {k: v for k, v in ROWS[1].items() if k != "license"}])
    with pytest.raises(LicenseError, match=r"a\.jsonl:2: no license"):
        build("out", config=config(on_error="skip"))


def test_an_unknown_language_can_stop_the_run(folder):
    save("a.jsonl", ROWS)
    with pytest.raises(DataError, match=r"a\.jsonl:7: no language file for 'qaa'"):
        build("out", config=config(unknown_language="stop"))


def test_an_empty_corpus_is_an_error_that_counts_the_reasons(folder):
    save("a.jsonl", ROWS)
    with pytest.raises(DataError, match=r"nothing is left of 8 documents: too_few_chars 6"):
        build("out", config=config(filters=[{"char_count": {"min_chars": 50}}]))
    assert not Path("out").exists()


def test_an_empty_file_is_an_empty_corpus(folder):
    save("a.jsonl", [])
    with pytest.raises(DataError, match="no document was found"):
        build("out", config=config())


def test_a_file_that_may_not_be_read_is_named(folder):
    Path("a.jsonl").mkdir()
    with pytest.raises(DataError, match=r"a\.jsonl: is a folder"):
        build("out", config=config(sources=[{"jsonl": "a.jsonl"}]))


def test_text_and_parquet_sources_give_the_same_documents_as_json_lines(folder):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{"text": r["text"], "lang": "id", "license": "CC0-1.0", "source": "s"} for r in ROWS if r["lang"] == "id"]
    save("a.jsonl", rows)
    (folder / "a.txt").write_text("\n".join(r["text"] for r in rows), encoding="utf-8")
    parquet.write_table(arrow.Table.from_pylist(rows), "a.parquet")
    fixed = {"lang": "id", "license": "CC0-1.0", "source": "s"}
    texts = {
        kind: [
            d.text
            for d in build(kind, config=config(sources=[{kind: f"a.{end}", **fixed}], heldout={"share": 0})).documents()
        ]
        for kind, end in (("jsonl", "jsonl"), ("text", "txt"), ("parquet", "parquet"))
    }
    assert texts["jsonl"] == texts["text"] == texts["parquet"] != []


def test_a_plug_in_filter_works_in_workers_and_enters_the_fingerprint(folder, monkeypatch):
    many(folder, monkeypatch)
    plugin = folder / "odd_ids.py"
    plugin.write_text(
        "from lontar.data import corpus_filter\n"
        "from lontar.core.records import Document\n"
        "from lontar.languages import Language\n"
        "@corpus_filter('odd_ids')\n"
        "def odd_ids(doc: Document, lang: Language, /, *, modulus: int = 2) -> str | None:\n"
        "    'Drop documents with odd numbers.'\n"
        "    return 'odd' if int(doc.id) % modulus else None\n",
        encoding="utf-8",
    )
    plugins.load_file(plugin)
    wanted = config(filters=["odd_ids"])
    one, two = build("one", config=wanted), build.using(resources=Resources(workers=2))("two", config=wanted)
    assert one.digest == two.digest and table(one)[-1]["odd"] == 400
    assert "plugin:filter:odd_ids" in one.manifest.uses


def test_a_misspelled_filter_fails_before_anything_runs(folder):
    with pytest.raises(ConfigError, match="word_count"):
        from lontar.core.config import validate

        validate(BuildConfig, {"sources": [{"jsonl": "none.jsonl"}], "filters": ["word_cout"]})


def test_shards_roll_over_and_equal_rows_give_equal_bytes(tmp_path):
    for name in "ab":
        with writer.CorpusWriter(tmp_path / name, shard_bytes=10) as out:
            for i in range(5):
                out.write("train", "th", {"id": str(i), "text": "กข"}, 6)
    files = sorted(p.name for p in (tmp_path / "a" / "train").iterdir())
    assert files == [f"th-{i:05d}.jsonl.zst" for i in range(5)]
    for name in files:
        assert (tmp_path / "a/train" / name).read_bytes() == (tmp_path / "b/train" / name).read_bytes()
    assert [row["id"] for name in files for _, row in read_jsonl(tmp_path / "a/train" / name)] == list("01234")


def test_progress_counts_shards(folder):
    save("a.jsonl", ROWS)
    job = Job(folder / "job")
    build.function(job, config=config())
    lines = [json.loads(line) for line in (folder / "job/log/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1] | {"task": "build", "shards": 1, "total": 1, "kept": 3, "dropped": 5, "done": True} == lines[-1]


def test_the_packaged_sample_is_a_corpus_without_leaks(folder):
    corpus = build("out", config=config(sources=[{"sample": "parallel", "langs": ["id", "th"]}], filters=[]))
    assert corpus.langs() == corpus.langs("heldout") == ["id", "th"]
    train, heldout = ({doc.id for doc in corpus.documents(split)} for split in ("train", "heldout"))
    assert train and heldout and not train & heldout
    assert corpus.manifest.license.spdx == "CC0-1.0"
