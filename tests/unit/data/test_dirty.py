"""The dirty sample: everything planted in it is found, for the right reason, and nothing else is touched."""

import json
from collections import Counter

import pytest

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.data import BuildConfig, build, table
from lontar.data.decisions import read_decisions
from lontar.text.zawgyi import to_unicode
from tests.unit.data.encodings import misread

# As in the recipe `tiny`.
SETTINGS = {
    "sources": [{"sample": "dirty"}],
    "filters": [
        "mojibake",
        {"char_count": {"min_chars": 12}},
        {"language_share": {"min_share": 0.7}},
        "identified_language",
        "boilerplate",
        "repeated_lines",
    ],
    "near_duplicates": 0.8,
    "mask": ["email", "id_number", "phone"],
    "decisions": "all",
}
ROWS = [row for _, row in read_jsonl(samples.path("dirty") / "dirty.jsonl")]
BY_ID = {row["id"]: row for row in ROWS}


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dirty") / "cleaned", config=BuildConfig.model_validate(SETTINGS))


@pytest.fixture(scope="module")
def decided(cleaned):
    return {row["id"]: row for row in read_decisions(cleaned.path)}


def test_there_is_one_decision_a_document_in_order(decided):
    assert list(decided) == list(BY_ID)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']}-{row['lang']}-{row['planted']}")
def test_what_was_planted_is_found(row, decided):
    found = decided[row["id"]]
    assert found["lang"] == row["lang"]
    if row["expect"] in ("kept", "edited"):
        assert (found["kept"], found["reason"]) == (True, None)
        assert sorted(found["edits"]) == row.get("edits", [])
    else:
        assert (found["kept"], found["reason"], found["edits"]) == (False, row["expect"], {})
    assert found.get("of") == row.get("of")
    assert found["excerpt"]


def test_what_is_clean_stays_as_it_is(cleaned):
    stored = {doc.id: doc.text for split in ("train", "heldout") for doc in cleaned.documents(split)}
    controls = {row["id"]: row["text"] for row in ROWS if row["planted"] == "none"}
    assert len(controls) >= 22
    assert {id_: stored[id_] for id_ in controls} == controls


def test_repaired_text_is_in_its_normal_form_and_holds_no_personal_data(cleaned):
    for split in ("train", "heldout"):
        for doc in cleaned.documents(split):
            assert languages.get(doc.lang).normalized(doc.text) == doc.text
            if BY_ID[doc.id]["planted"] in ("phone", "id_number", "email"):
                assert "0000" not in doc.text and "@" not in doc.text and f"<{BY_ID[doc.id]['planted']}>" in doc.text


def test_decisions_add_up_to_the_counts(cleaned, decided):
    total = table(cleaned)[-1]
    reasons = Counter(row["reason"] for row in decided.values() if not row["kept"])
    assert {reason: total[reason] for reason in reasons} == reasons
    assert total["train"] + total["heldout"] == sum(row["kept"] for row in decided.values())
    stored = json.loads((cleaned.path / "counts.json").read_text(encoding="utf-8"))["languages"]
    edited = sum((Counter(counts.get("edited", {})) for counts in stored.values()), Counter())
    assert edited == Counter(name for row in decided.values() for name in row["edits"])


def test_personal_data_is_not_in_the_decisions_either(decided):
    masked = [row for row in decided.values() if {"phone", "id_number", "email"} & set(row["edits"])]
    assert len(masked) >= 15
    assert all("0000" not in row["excerpt"] for row in masked)


# --- the file itself


def test_the_set_is_varied_and_its_rows_have_one_form():
    assert {row["lang"] for row in ROWS} >= {"en", "id", "km", "lo", "ms", "my", "ta", "th", "tl", "vi", "zh"}
    planted = Counter(row["planted"] for row in ROWS)
    assert planted.keys() >= {
        "none", "zawgyi", "mojibake", "zwsp", "sara_am", "decomposed", "mark_order", "control", "wrong_language",
        "boilerplate", "repeated_lines", "near_copy", "copy", "phone", "id_number", "email", "too_short", "no_letters",
    }  # fmt: skip
    assert len(BY_ID) == len(ROWS)
    for row in ROWS:
        assert (row["source"], row["license"]) == ("lontar-samples", "CC0-1.0")
        assert row.get("of") is None or row["of"] in BY_ID
        assert (row["expect"] == "edited") == bool(row.get("edits"))
    assert {lang for lang in planted} and {r["lang"] for r in ROWS if r["planted"] == "none"} >= {
        "my",
        "km",
        "lo",
        "ta",
    }


def test_another_language_of_the_same_script_is_found_by_its_words():
    same = [row for row in ROWS if row["expect"] == "wrong_language"]
    assert len(same) == 2
    assert all(languages.get(row["lang"]).script == languages.get(row["really"]).script for row in same)


def test_wrong_encodings_are_made_from_the_clean_text_beside_them():
    for row in ROWS:
        if row["planted"] == "zawgyi":
            assert languages.get("my").normalized(to_unicode(row["text"])) == row["clean"]
        if row["planted"] == "mojibake" and row["id"] != "d039":  # bytes were lost in that one
            assert row["text"] in {misread(row["clean"], codec) for codec in ("latin-1", "cp1252", "cp874", "gbk")}
        if "clean" in row:
            assert languages.get(row["lang"]).normalized(row["clean"]) == row["clean"]


def test_invisible_characters_are_spelled_out_in_the_file():
    text = (samples.path("dirty") / "dirty.jsonl").read_text(encoding="utf-8")
    assert not set(text) & set("\u200b\u00ad\ufeff\u0080\u0081\u008d\u0090\u009d\u00a0\x07\x00")
    assert "\\u200b" in text
