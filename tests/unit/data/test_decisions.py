import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import samples
from lontar.core.executor import Resources
from lontar.core.shards import read_jsonl, write_jsonl
from lontar.data import build, sources, table
from lontar.data.config import BuildConfig
from lontar.data.decisions import EXCERPT_CHARS, excerpt, read_decisions
from lontar.errors import DataError

TEXT = "Sungai Kapuas mengalir melewati kota kami dan setiap sore anak-anak berenang di tepinya."
ROW = {"lang": "id", "license": "CC0-1.0", "source": "ours"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name, rows):
    lines = [json.dumps({**ROW, **row}, ensure_ascii=False) for row in rows]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def config(**given):
    return BuildConfig.model_validate(
        {"sources": [{"jsonl": "*.jsonl"}], "decisions": "all", "heldout": {"share": 0}, **given}
    )


def decided(corpus):
    return [(r["id"], r["kept"], r["reason"], r["edits"], r.get("of")) for r in read_decisions(corpus.path)]


def test_every_document_has_a_row_in_order_with_its_reason(folder):
    save(
        "a.jsonl",
        [
            {"id": "1", "text": TEXT},
            {"id": "2", "text": TEXT.upper()},
            {"id": "3", "text": "…"},
            {"id": "4", "text": "ภาษาไทย", "lang": "th"},
            {"id": "5", "text": "nobody knows", "lang": "qaa"},
            {"id": "6", "text": f"\u00ad{TEXT} Hubungi 0812-0000-0000."},
            {"text": "Teks tanpa nama tetap punya tempat."},
        ],
    )
    corpus = build("out", config=config(sources=[{"jsonl": "a.jsonl", "langs": ["id"]}], mask=["phone"]))
    assert decided(corpus) == [
        ("1", True, None, {}, None),
        ("2", False, "duplicate", {}, "1"),
        ("3", False, "no_letters", {}, None),
        ("4", False, "not_selected", {}, None),
        ("5", False, "not_selected", {}, None),
        ("6", True, None, {"control": 1, "phone": 1}, None),
        ("a.jsonl:7", True, None, {}, None),
    ]
    rows = list(read_decisions(corpus.path))
    assert rows[5]["excerpt"] == f"{TEXT} Hubungi <phone>." and rows[1]["excerpt"] == TEXT.upper()
    assert list(rows[0]) == ["id", "lang", "kept", "reason", "edits", "excerpt"]


def test_lines_that_cannot_be_read_have_a_row_too(folder):
    save("a.jsonl", [{"id": "1", "text": TEXT}, {"id": "2", "lang": "qaa", "text": "x y z"}])
    with Path("a.jsonl").open("ab") as stream:
        stream.write(b'{"text": "\xff"}\n')
    corpus = build("out", config=config(on_error="skip"))
    assert decided(corpus)[1:] == [
        ("2", False, "unknown_language", {}, None),
        ("a.jsonl:3", False, "invalid_utf8", {}, None),
    ]


def test_only_those_dropped_or_none(folder):
    save("a.jsonl", [{"id": "1", "text": TEXT + "\u00ad"}, {"id": "2", "text": TEXT}])
    dropped = build("dropped", config=config(decisions="dropped"))
    assert decided(dropped) == [("2", False, "duplicate", {}, "1")]
    none = build("none", config=config(decisions="none"))
    assert read_decisions(none.path) is None
    everything = build("all", config=config())
    assert {n: e.sha256 for n, e in none.manifest.files.items() if n.startswith("train/")} == {
        n: e.sha256 for n, e in everything.manifest.files.items() if n.startswith("train/")
    }


def test_nothing_is_edited_where_nothing_is_normalized(folder):
    save("a.jsonl", [{"id": "1", "text": TEXT + "\u00ad"}])
    corpus = build("out", config=config(normalize="none"))
    assert decided(corpus) == [("1", True, None, {}, None)]
    assert next(corpus.documents()).text == TEXT + "\u00ad"


def test_a_dropped_document_shows_no_personal_data(folder):
    save("a.jsonl", [{"id": "1", "text": TEXT}, {"id": "2", "text": "Telepon 0812-0000-0000 ya"}])
    corpus = build("out", config=config(mask=["phone"], filters=[{"char_count": {"min_chars": 40}}]))
    assert list(read_decisions(corpus.path))[1]["excerpt"] == "Telepon <phone> ya"


def test_documents_that_differ_in_what_is_masked_are_equal(folder):
    save("a.jsonl", [{"id": str(i), "text": f"{TEXT} Hubungi 0812-0000-000{i}."} for i in range(3)])
    assert [d[2] for d in decided(build("out", config=config(mask=["phone"])))] == [None, "duplicate", "duplicate"]
    assert [d[2] for d in decided(build("all", config=config()))] == [None] * 3


def test_masked_documents_are_counted_by_language(folder):
    save("a.jsonl", [{"id": str(i), "text": f"{TEXT} {i}. Hubungi 0812-0000-0000 atau a@b.co."} for i in range(3)])
    corpus = build("out", config=config(mask=["email", "phone"], decisions="none"))
    counts = json.loads((corpus.path / "counts.json").read_text(encoding="utf-8"))
    assert counts["languages"]["id"]["edited"] == {"email": 3, "phone": 3}
    assert table(corpus)[-1]["train"] == 3


def test_near_duplicates_are_dropped_for_the_first(folder):
    longer = TEXT.replace("kota kami", "kota kami ini")
    save("a.jsonl", [{"id": "1", "text": TEXT}, {"id": "2", "text": "Pasar itu buka pagi-pagi sekali."}])
    save("b.jsonl", [{"id": "3", "text": longer}, {"id": "4", "text": longer + "!"}, {"id": "5", "text": TEXT}])
    corpus = build("out", config=config(near_duplicates=0.8))
    assert [(d[0], d[2], d[4]) for d in decided(corpus)] == [
        ("1", None, None), ("2", None, None), ("3", "near_duplicate", "1"),
        ("4", "near_duplicate", "1"), ("5", "duplicate", "1"),
    ]  # fmt: skip
    assert table(corpus)[-1]["near_duplicate"] == 2
    kept = build("keep", config=config(near_duplicates=0.8, duplicates="keep"))
    assert [d[2] for d in decided(kept)] == [None, None, *["near_duplicate"] * 3]
    assert [d[2] for d in decided(build("off", config=config()))][2:] == [None, "duplicate", "duplicate"]


def test_the_number_of_workers_and_shards_changes_nothing(folder, monkeypatch):
    for name in "ab":
        rows = [
            {
                "id": f"{name}{i}",
                "text": f"{TEXT if i % 3 else TEXT[::-1]} Nomor {i % 90} telepon 0812-0000-00{i % 10:02d}",
            }
            for i in range(200)
        ]
        save(f"{name}.jsonl", rows)
    wanted = config(near_duplicates=0.95, mask=["phone"], filters=["zawgyi", "mojibake", "boilerplate"])
    whole = build("whole", config=wanted)
    monkeypatch.setattr(sources, "SHARD_BYTES", 4096)
    assert build("cut", config=wanted).digest == whole.digest
    assert build.using(resources=Resources(workers=2))("two", config=wanted).digest == whole.digest
    assert [d[0] for d in decided(whole)] == [f"{name}{i}" for name in "ab" for i in range(200)]
    assert {d[2] for d in decided(whole)} == {None, "duplicate", "near_duplicate"}


# --- synthetic text and sample sets that are not called after a language


def test_synthetic_stories_are_a_source(folder):
    wanted = config(sources=[{"synthetic": "stories", "langs": ["en"], "count": 30}])
    corpus = build("out", config=wanted)
    docs = [doc for split in ("train", "heldout") for doc in corpus.documents(split)]
    assert len(docs) == 30 and {doc.source for doc in docs} == {"lontar-stories"}
    assert all(doc.meta["synthetic"] is True and doc.meta["scene"] for doc in docs)
    assert corpus.langs("heldout") == ["en"]
    named = [name for name in corpus.manifest.uses if not name.startswith("library:")]
    assert named == ["language:en", "synthetic:stories/en.yaml", "unicode"]
    assert build.using(resources=Resources(workers=2))("two", config=wanted).digest == corpus.digest
    other = build("other", config=config(sources=[{"synthetic": "stories", "langs": ["en"], "count": 30, "seed": 2}]))
    assert other.digest != corpus.digest


def test_synthetic_text_in_every_language_that_has_templates(folder):
    from lontar import samples

    corpus = build("out", config=config(sources=[{"synthetic": "stories", "count": 3, "limit_docs": 2}]))
    assert [row["lang"] for row in table(corpus)[:-1]] == samples.languages("stories")
    assert all(row["in"] == 2 for row in table(corpus)[:-1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"jsonl": "a", "count": 5}, "`count` goes with `synthetic`"),
        ({"jsonl": "a", "seed": 5}, "`seed` goes with `synthetic`"),
        ({"synthetic": "stories", "lang": "en"}, "takes `langs`"),
        ({"synthetic": "poems"}, "stories"),
        ({"synthetic": "stories", "count": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_of_synthetic_text(given, said):
    with pytest.raises(ValueError, match=said):
        config(sources=[given])


def test_a_language_without_templates_is_named(folder):
    with pytest.raises(DataError, match="no synthetic stories in 'xx'"):
        sources.find_files(config(sources=[{"synthetic": "stories"}]).sources[0].model_copy(update={"langs": ("xx",)}))


def test_sample_files_that_are_not_called_after_a_language_are_told_by_their_rows(folder):
    corpus = build("out", config=config(sources=[{"sample": "dirty", "langs": ["th", "my"]}]))
    assert corpus.langs() == ["my", "th"]
    named = [name for name in corpus.manifest.uses if name.startswith("language:")]
    assert named == ["language:my", "language:th"]
    unnamed = build("all", config=config(sources=[{"sample": "dirty"}])).manifest.uses
    assert len([name for name in unnamed if name.startswith("language:")]) >= 13


@pytest.mark.parametrize("name", ["parity", "paragraphs", "informal"])
def test_other_sample_sets_are_sources(folder, name):
    root = Path(sources.lontar.__file__).parent / "samples" / name
    if not list(root.glob("*.jsonl")):
        pytest.skip(f"samples/{name} is empty")
    corpus = build(name, config=config(sources=[{"sample": name}], heldout={"share": 0.1}))
    rows = [row for file in sorted(root.glob("*.jsonl")) for _, row in read_jsonl(file)]
    total = table(corpus)[-1]
    assert total["in"] == len(rows)
    if name == "parity":  # dev and test are never for training
        assert total["train"] == 0


# --- the pieces


@given(st.text(max_size=400))
def test_an_excerpt_is_short_harmless_and_the_beginning_of_the_text(text):
    found = excerpt(text)
    assert len(found) <= EXCERPT_CHARS + 1
    assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in found)
    assert found == found.strip() and "  " not in found
    if not found.endswith("…"):
        assert excerpt(found) == found


@pytest.mark.parametrize(
    "text", ["ที่นี่น้ำใสไหลเย็นเห็นตัวปลา", "ကျွန်တော်တို့ရွာ", "ខ្ញុំធ្វើការនៅផ្សារ", "ພວກເຮົາຢູ່ນຳກັນ", "தொடர்புகொள்ளுங்கள்"]
)
def test_an_excerpt_is_not_cut_inside_what_readers_see_as_one_character(text):
    for limit in range(8, 60):
        found = excerpt(text * 5, limit).removesuffix("…")
        rest = (text * 5)[len(found) :]
        assert len(found) <= limit and len(found) >= limit - 12
        assert unicodedata.category(rest[0])[0] != "M" and rest[0] not in "ะาำະາຳ"
        assert found[-1] not in "เแโใไເແໂໃໄ\u1039\u17d2"


def test_an_excerpt_is_cut_at_a_space_when_there_is_one():
    assert excerpt("satu dua tiga empat lima", 20) == "satu dua tiga empat…"
    assert excerpt("a\nb\tc\x1b[31m\u202ed") == "a b c [31m d"


@pytest.mark.parametrize("code", ["km", "lo", "my", "th"])
def test_zero_width_spaces_change_no_count_and_no_decision(tmp_path, code):
    plain = [row["text"] for _, row in read_jsonl(samples.path("paragraphs") / f"{code}.jsonl")][:20]
    plain += [plain[0], "a", "..."]
    marked = ["\u200b".join(text[i : i + 5] for i in range(0, len(text), 5)) for text in plain]
    found = []
    for name, texts in (("plain", plain), ("marked", marked)):
        path = tmp_path / f"{name}.jsonl"
        write_jsonl(
            path,
            [{"id": str(i), "text": t, "lang": code, "source": "x", "license": "CC0-1.0"} for i, t in enumerate(texts)],
        )
        settings = {
            "sources": [{"jsonl": str(path)}],
            "filters": ["mojibake", {"char_count": {"min_chars": 3}}, {"language_share": 0.7}, "identified_language"],
            "near_duplicates": 0.8,
            "decisions": "all",
        }
        corpus = build(tmp_path / f"{name}-corpus", config=BuildConfig.model_validate(settings))
        decided = [(r["id"], r["kept"], r["reason"], r.get("of")) for r in read_decisions(corpus.path)]
        found.append((decided, table(corpus), [doc.text for doc in corpus.documents("train")]))
    assert found[0] == found[1]
    assert {kept for _, kept, _, _ in found[0][0]} == {True, False}
