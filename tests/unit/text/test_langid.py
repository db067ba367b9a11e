"""Language identification: rules of scripts, the model, spans, odd input, and real text where there is some."""

import hashlib
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages, samples
from lontar.core.shards import read_jsonl
from lontar.text.langid import (
    UNDETERMINED,
    identify,
    identify_many,
    known_languages,
    report_many,
    share_in,
    spans,
)
from lontar.text.langid.features import BUCKETS, features, normal_word, word_matches, words
from lontar.text.langid.latin import model

CODES = {language.code: language.iso639_3 for language in languages.all_languages()}


def samples_of(code, name="parallel"):
    return [row["text"] for _, row in read_jsonl(samples.path(name) / f"{code}.jsonl")]


@pytest.mark.parametrize("code", CODES)
def test_our_samples_are_in_their_languages(code):
    texts = samples_of(code)
    found = Counter(each.label for each in identify_many(texts))
    # Half of a short Indonesian sentence is a Malay one too.
    assert found[CODES[code]] >= (0.7 if code in ("id", "ms") else 0.95) * len(texts), found


@pytest.mark.parametrize(
    ("text", "label", "script"),
    [
        ("日本の夏は暑いです。", "jpn", "Jpan"),
        ("这个学校的学生都会说汉语", "zho", "Hans"),
        ("這個學校的學生都會說漢語", "zho", "Hant"),
        ("佢哋今日去咗邊度食嘢？", "yue", "Hant"),
        ("ၵူၼ်းတႆးလႄႈ မိူင်းတႆး", "shn", "Mymr"),
        ("မြန်မာစာကို ဖတ်နေတယ်", "mya", "Mymr"),
        ("ꦧꦱꦗꦮ", "jav", "Java"),
        ("ᬩᬲᬩᬮᬶ", "ban", "Bali"),
        ("بهاس ملايو يڠ دتوليس دڠن توليسن جاوي", "zsm", "Arab"),
        ("اللغة العربية جميلة", "arb", "Arab"),
        ("हिन्दी भाषा", "hin", "Deva"),
        ("Привет, как дела?", "rus", "Cyrl"),
        ("Привіт, як справи? Її їжа", "ukr", "Cyrl"),
        ("안녕하세요", "kor", "Hang"),
        ("", UNDETERMINED, "Zyyy"),
        ("12.5 % 👍", UNDETERMINED, "Zyyy"),
        ("\ud800\x00", UNDETERMINED, "Zyyy"),
    ],
)
def test_scripts_and_their_rules(text, label, script):
    found = identify(text)
    assert (found.label, found.script) == (label, script)
    assert 0 <= found.score <= 1


def test_what_is_no_language_is_left_out():
    assert words("@yang #makan https://x.com/yang/makan a.b@makan.id <b> [USERNAME] &nbsp; ini") == ["ini"]
    assert identify("https://www.example.com/the/quick/brown/fox @user สวัสดีครับ").label == "tha"
    assert [("Halo iPhoneครับ di-rumah jum'at")[a:b] for a, b in word_matches("Halo iPhoneครับ di-rumah jum'at")] == [
        "Halo",
        "iPhone",
        "di-rumah",
        "jum'at",
    ]


def test_spans_of_mixed_text():
    text = "Besok pagi saya harus pergi ke kantor, so please send me the report before the meeting starts"
    found = spans(text)
    assert [span.language for span in found] == ["ind", "eng"]
    assert text[found[1].start : found[1].end].startswith("so please") and text[: found[0].end].endswith("kantor")
    (report,) = report_many([text])
    assert report.languages == [report.identified.label, *({"ind", "eng"} - {report.identified.label})]
    thai = "วันนี้ประชุมกับลูกค้า then we should prepare the slides together ก่อนกลับบ้าน"
    assert [s.language for s in spans(thai)] == ["tha", "eng", "tha"]
    assert set(report_many([thai])[0].languages) == {"tha", "eng"}


def test_a_name_is_no_language_of_the_text():
    (report,) = report_many(["ประธานาธิบดี Barack Obama เดินทางถึงกรุงเทพมหานครเมื่อวานนี้พร้อมคณะผู้แทน"])
    assert report.languages == ["tha"]


def test_shares():
    assert share_in("Saya pergi ke pasar dengan ibu setiap pagi.", "ind") == 1
    assert share_in("I go to the market with my mother every morning.", "ind") == 0
    assert 0.3 < share_in("Saya pergi ke pasar setiap pagi. My mother goes with me every day.", "ind") < 0.7
    assert share_in("ผมไปตลาด", "tha") == 1 and share_in("", "tha") == 0
    assert set(CODES.values()) <= known_languages()


TEXTS = st.text(
    st.sampled_from(
        list("abcdefghiklmnoprstuwyé' .,-@#<>/ กขคำ้ກຂ ကခ\u1039\u1060ស្ 中的 ன் 😀\u200b\u200d\u0301\x00\ud800\n")
    ),
    max_size=80,
)


@given(text=TEXTS)
def test_spans_lie_in_the_text_in_order(text):
    at = 0
    for span in spans(text):
        assert at <= span.start < span.end <= len(text)
        at = span.end
    (report,) = report_many([text])
    assert bool(report.spans) == (report.identified.label != UNDETERMINED) == bool(report.languages)


@given(text=TEXTS, data=st.data())
def test_a_zero_width_space_changes_no_decision(text, data):
    at = data.draw(st.integers(0, len(text)))
    (plain,), (marked,) = report_many([text]), report_many([f"{text[:at]}\u200b{text[at:]}"])
    assert (plain.identified, plain.languages) == (marked.identified, marked.languages)
    assert [s.language for s in plain.spans] == [s.language for s in marked.spans]


@given(texts=st.lists(TEXTS, max_size=6))
def test_together_or_one_by_one(texts):
    assert identify_many(texts) == [identify(text) for text in texts]


LONG = {
    "marks": ("\u0e34" * 1_000_000, ["tha"]),
    "zwsp": ("\u200b" * 100_000, []),
    "alternating": ("กa" * 100_000, None),
    "letter": ("a" * 500_000, None),
    "addresses": ("a@" * 100_000, None),
    "tags": ("<a" * 100_000, None),
    "mixed": ("the cat yang makan " * 10_000, None),
    "lines": ("\n" * 200_000 + "ก", ["tha"]),
}


@pytest.mark.parametrize("name", LONG)
def test_long_input_ends(name):
    text, languages = LONG[name]
    (report,) = report_many([text])
    assert bool(report.spans) == bool(report.languages) == (report.identified.label != UNDETERMINED)
    assert languages is None or report.languages == languages


def test_features_are_the_same_for_a_word_in_any_company():
    alone = features(["rumah"])
    together = features(["di", "rumah", "a"])
    start, count = int(together.starts[1]), int(together.counts[1])
    assert np.array_equal(together.grams[start : start + count], alone.grams)
    assert together.whole[1] == alone.whole[0]
    assert int(together.grams.max()) < BUCKETS
    # A golden value: other bytes here make the weights of the package worthless.
    assert [*alone.grams[:3].tolist(), int(alone.whole[0])] == GOLDEN


GOLDEN = [107494, 120319, 89590, 51231]


def test_words_are_normalized():
    assert normal_word("BANGEEEET") == "banget" and normal_word("Jum’at") == "jum'at"
    assert normal_word("Tie\u0302\u0301ng") == "tiếng" and len(normal_word("x" + "ab" * 50)) == 32


def test_the_model_is_the_one_described():
    folder = files("lontar.text.langid")
    about = json.loads(folder.joinpath("latin.json").read_text("utf-8"))
    data = folder.joinpath("latin.npy").read_bytes()
    assert hashlib.sha256(data).hexdigest() == about["sha256"] and len(data) < 10_000_000
    assert len(about["labels"]) == len(about["biases"]) and len(about["core"]) == 14
    # Nothing that may not be shipped went into it.
    licenses = {name for used in about["sources"].values() for name in used}
    assert not [name for name in licenses if "NC" in name or "LicenseRef" in name]
    assert model().labels == about["labels"]


DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data: real text, not part of a clone")
def test_real_text():
    rows = [row for _, row in read_jsonl(DATA / "tasks/lid.jsonl.zst")]
    known = {**CODES, **{code: code for code in ("min", "ban", "ace", "bjn", "ceb", "ilo", "war")}}
    cells = Counter((known[row["label"]], row["domain"]) for row in rows if row["label"] in known)
    right: Counter = Counter()
    chosen = [row for row in rows if row["label"] in known]
    for row, found in zip(chosen, identify_many([row["text"] for row in chosen]), strict=True):
        right[known[row["label"]], row["domain"]] += found.label == known[row["label"]]
    shares = {cell: right[cell] / n for cell, n in cells.items()}
    assert sum(shares.values()) / len(shares) >= 0.92
    assert all(share >= 0.7 for share in shares.values()), {c: s for c, s in shares.items() if s < 0.7}
    assert all(shares[lang, "news/wiki"] >= 0.95 for lang in ("jav", "sun"))
