import pytest

from lontar.core.records import Document
from lontar.data.config import Heldout, Source
from lontar.data.documents import read_document, side
from lontar.data.readers import BadInputError, Entry
from lontar.data.tags import language_of, tag_for_counts
from lontar.errors import LicenseError

ROW = {"id": "a1", "text": "สวัสดี", "lang": "th", "source": "ours", "license": "CC0-1.0", "domain": "chat"}


def document(row, **given):
    return read_document(Entry("f.jsonl:3", "f.jsonl:3", 10, lambda: row), Source(jsonl="f.jsonl", **given))[0]


def without(*names):
    return {k: v for k, v in ROW.items() if k not in names}


def test_a_row_is_taken_as_it_stands():
    assert document(ROW) == Document("a1", "สวัสดี", "th", "ours", "CC0-1.0", {"domain": "chat"})


def test_the_source_fills_what_rows_lack():
    doc = document(without("id", "source", "license"), source="web", license="CC-BY-4.0")
    assert (doc.id, doc.source, doc.license) == ("web/f.jsonl:3", "web", "CC-BY-4.0")


def test_rows_win_but_for_the_language():
    doc = document(ROW, lang="lo", source="web", license="CC-BY-4.0")
    assert (doc.lang, doc.source, doc.license) == ("lo", "ours", "CC0-1.0")


def test_without_any_name_the_file_is_the_source_and_the_place_is_the_id():
    doc = document(without("id", "source"))
    assert (doc.id, doc.source) == ("f.jsonl:3", "f.jsonl")


def test_a_number_may_be_an_id_and_another_field_the_text():
    doc = document({**without("text"), "id": 7, "body": "ข้าว"}, text_field="body")
    assert (doc.id, doc.text, dict(doc.meta)) == ("7", "ข้าว", {"domain": "chat"})


def test_values_that_json_lacks_are_stored_as_ones_it_has():
    meta = document({**ROW, "score": float("nan"), "when": {1, 2}, "tags": ("a", 1.5)}).meta
    assert meta == {"domain": "chat", "score": None, "when": "{1, 2}", "tags": ["a", 1.5]}


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        (without("text"), "missing_field", "no field 'text'"),
        (without("lang"), "missing_field", "no field 'lang'"),
        ({**ROW, "text": 5}, "not_text", "'text' must be text (got int)"),
        ({**ROW, "lang": ["th"]}, "not_text", "'lang' must be text"),
        ({**ROW, "text": "a\ud800"}, "invalid_utf8", "lone surrogate"),
        ({**ROW, "split": "most"}, "unknown_split", "split 'most'"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(row, reason, said):
    with pytest.raises(BadInputError) as caught:
        document(row)
    assert caught.value.reason == reason
    assert caught.value.message.startswith("f.jsonl:3: ") and said in caught.value.message


def test_no_license_stops_with_file_line_and_fix():
    with pytest.raises(LicenseError, match=r"f\.jsonl:3: no license") as caught:
        document(without("license"))
    assert "license: SPDX-ID" in caught.value.hint


def test_a_license_that_is_no_identifier_stops_too():
    with pytest.raises(LicenseError, match=r"f\.jsonl:3: 'free to use'"):
        document({**ROW, "license": "free to use"})


@pytest.mark.parametrize(("name", "expected"), [("train", "train"), ("heldout", "heldout"), ("test", "heldout")])
def test_the_row_names_its_side(name, expected):
    entry = Entry("f:1", "f:1", 1, lambda: {**ROW, "split": name})
    assert read_document(entry, Source(jsonl="f"))[1] == expected


@pytest.mark.parametrize(("tag", "code"), [("th", "th"), ("tha_Thai", "th"), ("zh-Hant", "zh"), ("fil", "tl")])
def test_tags_lead_to_our_languages(tag, code):
    assert language_of(tag).code == code


def test_an_unknown_tag_leads_nowhere():
    assert language_of("qaa") is None
    assert tag_for_counts("qaa-Latn") == "qaa-Latn"
    assert tag_for_counts("not a tag") == "und"


def test_the_same_id_is_on_the_same_side_in_every_language():
    heldout = Heldout(share=0.5)
    docs = [(Document(f"s{i}", "x", lang), i) for i in range(200) for lang in ("th", "id")]
    sides = {i: {side(heldout, d, "x") for d, j in docs if j == i} for i in range(200)}
    assert all(len(found) == 1 for found in sides.values())
    assert 70 < sum("heldout" in found for found in sides.values()) < 130


@pytest.mark.parametrize(("by", "kept"), [("id", "id"), ("text", "form"), ("source", "source")])
def test_only_what_is_hashed_decides(by, kept):
    heldout = Heldout(share=0.5, by=by)
    for i in range(50):
        values = {"id": f"i{i}", "source": f"s{i}", "form": f"f{i}"}
        other = {k: v if k == kept else v + "x" for k, v in values.items()}
        first, second = (side(heldout, Document(v["id"], "", "th", v["source"]), v["form"]) for v in (values, other))
        assert first == second


def test_nothing_is_held_out_when_the_share_is_zero():
    assert all(side(Heldout(share=0), Document(str(i), "", "th"), "") == "train" for i in range(100))
