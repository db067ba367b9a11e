"""Zawgyi: told from Unicode and from the other languages of the script, converted both ways."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.text import normalize
from lontar.text.zawgyi import convert_lines, is_zawgyi, to_unicode, to_zawgyi, zawgyi_probability

BURMESE = [row["text"] for name in ("parallel", "parity", "paragraphs")
           for _, row in read_jsonl(samples.path(name) / "my.jsonl")]  # fmt: skip
# Our own sentences and words, in the encoding of each line's name; spelled by hand where a converter could be wrong.
PAIRS = [
    ("ျမန္မာ", "မြန်မာ"),
    ("ေကာင္းတယ္", "ကောင်းတယ်"),
    ("သေဘၤာ", "သင်္ဘော"),
    ("အဂၤလိပ္", "အင်္ဂလိပ်"),
    ("မႏၱေလး", "မန္တလေး"),
    ("ပဒုမၼာ", "ပဒုမ္မာ"),
    ("ႀကိဳးစား", "ကြိုးစား"),
    ("ေယာက်္ား", "ယောက်ျား"),
    ("ဥယ်ာဥ္", "ဥယျာဉ်"),
    ("ဦး", "ဦး"),
    ("၀ိုင္း", "ဝိုင်း"),
    ("ႏွစ္", "နှစ်"),
    ("႐ြာ", "ရွာ"),
    ("ၾသဂုတ္", "သြဂုတ်"),
    ("abc 123 ကို", "abc 123 ကို"),
]
# Unicode of the languages that use the code points of Zawgyi for letters of their own; and Pali in Burmese letters.
OTHERS = [
    "ၵႂၢမ်းတႆး လႄႈ လိၵ်ႈတႆး",
    "ဝူၼ်ႉတူၺ်းသဵၼ်ႈတၢင်းၼႆႉ",
    "ဘာသာမန်ဂှ် ဒှ်ဘာသာမန်ပရေၚ်",
    "အခိၚ်ညးဒေဝ်ဍုၚ်ဂှ် ညးမန်တအ်",
    "ပှၤကညီအကျိာ်လၢအစှၤကတၢၢ်",
    "တၢ်ခွဲးတၢ်ယာ်",
    "ဆၧ ဍီ့ၬ မၩ့ ၰ ၦၠုံ",
    "ဗုဒ္ဓံ သရဏံ ဂစ္ဆာမိ",
    "ဓမ္မစက္ကပ္ပဝတ္တနသုတ္တံ",
]


def canonical(text):
    return normalize(text, ["nfc", "myanmar_marks"])


@pytest.mark.parametrize(("zawgyi", "unicode"), PAIRS)
def test_words(zawgyi, unicode):
    assert canonical(to_unicode(zawgyi)) == canonical(unicode)


def test_every_sample_is_told_from_its_zawgyi_form_and_comes_back():
    for text in BURMESE:
        other = to_zawgyi(text)
        assert not is_zawgyi(text), text
        assert is_zawgyi(other), other
        assert canonical(to_unicode(other)) == canonical(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_of_the_script_are_left_alone(text):
    assert not is_zawgyi(text)
    assert convert_lines(text) == (text, 0)


def test_lines_are_decided_on_one_by_one():
    unicode, zawgyi = BURMESE[0], to_zawgyi(BURMESE[1])
    text = f"{unicode}\n{zawgyi}\nNo Burmese: 12 %\n{OTHERS[0]}\n"
    found, lines = convert_lines(text)
    assert (canonical(found), lines) == (canonical(f"{unicode}\n{BURMESE[1]}\nNo Burmese: 12 %\n{OTHERS[0]}\n"), 1)


def test_probabilities():
    assert zawgyi_probability("ไม่มี") == zawgyi_probability("") == 0.0
    assert zawgyi_probability("ေကာင္းတယ္") > 0.99 > 0.01 > zawgyi_probability("ကောင်းတယ်")


ANY = st.text(st.sampled_from([chr(c) for c in range(0x1000, 0x10A0)] + list("ab 1\n\u200b\ud800\x00ไ")), max_size=40)


@given(text=ANY)
def test_converting_again_changes_nothing(text):
    once, _ = convert_lines(text)
    assert convert_lines(once) == (once, 0)


@given(text=ANY)
def test_what_is_not_burmese_is_not_touched(text):
    def others(text):
        return [c for c in text if not "\u1000" <= c <= "\u109f"]

    assert others(to_unicode(text)) == others(to_zawgyi(text)) == others(text)


@pytest.mark.parametrize("char", ["\u1031", "\u1039", "\u103b", "\u1060", "\u102d", "က", "\u1040"])
def test_long_runs_end(char):
    for text in (char * 200_000, f"က{char}" * 100_000):
        to_zawgyi(text)
        convert_lines(text)


DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data: real text, not part of a clone")
def test_real_text():
    pairs = [row for _, row in read_jsonl(DATA / "tasks/zawgyi_unicode_pairs.jsonl.zst")]
    assert all(is_zawgyi(row["text"]) and not is_zawgyi(row["unicode"]) for row in pairs)
    web = [row for row in pairs if row["origin"].startswith("real Zawgyi")]
    assert len(web) > 40 and all(to_unicode(row["text"]) == row["unicode"] for row in web)
    rights = [row for row in pairs if row["origin"].startswith("real Unicode")]
    assert all(unicodedata.normalize("NFC", to_unicode(r["text"])) == unicodedata.normalize("NFC", r["unicode"])
               for r in rights)  # fmt: skip
    taken = []
    for _, row in read_jsonl(DATA / "parallel/flores_sib200.jsonl.zst"):
        texts = {row["lang"]: row["text"], **row["parallel"]}
        taken += [text for code in ("my", "shn") if is_zawgyi(text := texts.get(code, ""))]
    assert not taken, json.dumps(taken[:3], ensure_ascii=False)
