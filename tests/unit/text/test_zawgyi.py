"""Zawgyi: told from Unicode and from the other languages of the script, converted both ways."""

import json
import unicodedata
from pathlib import Path

import pytest

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.text import normalize
from lontar.text.zawgyi import convert_lines, is_zawgyi, to_unicode, to_zawgyi, zawgyi_probability

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "zawgyi.json").read_text(encoding="utf-8"))
BURMESE = [
    row["text"]
    for name in ("parallel", "parity", "paragraphs")
    for _, row in read_jsonl(samples.path(name) / "my.jsonl")
]
OTHERS = {
    "Shan": ["ၵႂၢမ်းတႆး လႄႈ လိၵ်ႈတႆး", "ဝူၼ်ႉတူၺ်းသဵၼ်ႈတၢင်းၼႆႉ", "ႁိူၼ်း", "မႂ်ႇသုင်ၶႃႈ"],
    "Mon": ["ဘာသာမန်ဂှ် ဒှ်ဘာသာမန်ပရေၚ်", "အခိၚ်ညးဒေဝ်ဍုၚ်ဂှ် ညးမန်တအ်", "အရေဝ်ဘာသာ", "ဂမၠိုၚ်", "မ္ဂး", "တ္ၚဲ"],
    "S'gaw Karen": ["ပှၤကညီအကျိာ်လၢအစှၤကတၢၢ်", "တၢ်ခွဲးတၢ်ယာ်", "လီၤဆီ", "ဟီၣ်ခိၣ်"],
    "Pwo Karen": ["ဆၧ ဍီ့ၬ မၩ့ ၰ ၦၠုံ", "အ်ုခေါဟ်"],
    "Pa'O": ["တကမ္ဘာႏလွုမ်း", "အထူꩻ", "အမေႏရိက"],
    "Pali": ["ဗုဒ္ဓံ သရဏံ ဂစ္ဆာမိ", "ဓမ္မစက္ကပ္ပဝတ္တနသုတ္တံ", "ဣတိပိ သော ဘဂဝါ အရဟံ သမ္မာသမ္ဗုဒ္ဓေါ", "ပဉ္စမ ဗြဟ္မာ"],
    "Burmese": ["ယောက်ျား ကျွန်ုပ် သင်္ကြန် ဥက္ကဋ္ဌ", "မန္တလေး", "ပုပ္ပါး", "◌ေ", "ကခဂ", "ကို", "၁၉၄၈", "ာ"],
    "none": ["", "abc", "ไทย", "ລາວ", "\u1780\u17be", "နေ"[:0]],
}


def canonical(text):
    return normalize(text, ["nfc", "myanmar_marks"])


# --- conversion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", GOLDEN["both"], ids=lambda pair: pair["unicode"])
def test_both_ways(pair):
    assert to_unicode(pair["zawgyi"]) == pair["unicode"]
    assert to_zawgyi(pair["unicode"]) == pair["zawgyi"]


@pytest.mark.parametrize("pair", GOLDEN["typed"], ids=lambda pair: pair["zawgyi"])
def test_other_ways_to_type_it(pair):
    assert to_unicode(pair["zawgyi"]) == pair["unicode"]


@pytest.mark.parametrize("pair", GOLDEN["as in CLDR"], ids=lambda pair: pair["zawgyi"])
def test_syllables_as_in_cldr(pair):
    assert to_unicode(pair["zawgyi"]) == pair["unicode"]


def test_what_stands_between_the_syllables_stays():
    assert to_unicode("http://a.b/ေက?x=1 \u200bေက\u200d\r\n12") == "http://a.b/ကေ?x=1 \u200bကေ\u200d\r\n12"
    assert to_unicode("က ိ") == "က ိ"


def test_a_zero_is_a_letter_where_no_number_can_be():
    assert to_unicode("၀န္း သဘာ၀ ၁၀၀ ၀.၅ က်ပ္၀.၅ အ၀င္") == "ဝန်း သဘာဝ ၁၀၀ ၀.၅ ကျပ်၀.၅ အ၀င်"
    assert canonical(to_unicode("အ၀င္ တ၀ိုက္")) == "အဝင် တဝိုက်"
    assert to_unicode("ဇူလိုင္၄ ရက္") == "ဇူလိုင်၄ ရက်"


# --- detection -------------------------------------------------------------------------------------------------------


def test_every_sample_is_told_from_its_zawgyi_form_and_comes_back():
    for text in BURMESE:
        other = to_zawgyi(text)
        assert not is_zawgyi(text), text
        assert is_zawgyi(other), other
        assert canonical(to_unicode(other)) == canonical(text)


@pytest.mark.parametrize("language", OTHERS)
def test_other_text_is_left_alone(language):
    for text in OTHERS[language]:
        assert not is_zawgyi(text), text
        assert convert_lines(text) == (text, 0)


@pytest.mark.parametrize("word", ["ေက်ာင္း", "ႏိုင္ငံ", "ျမန္မာ", "ကၽြန္ေတာ္", "သြားမယ္", "ေစ်း", "သူ႔ကို", "ႀကီး", "လုပ္ပါတယ္"])
def test_words_are_told_too(word):
    assert is_zawgyi(word)
    assert not is_zawgyi(to_unicode(word))


def test_a_line_may_hold_much_else():
    line = "See https://example.org/?q=1 (12 %) ေနျပည္ေတာ္ and: 😀"
    assert convert_lines(line) == (line.replace("ေနျပည္ေတာ္", "နေပြည်တော်"), 1)


def test_probabilities():
    assert zawgyi_probability("ไม่มี") == zawgyi_probability("၁၂၃။") == zawgyi_probability("") == 0.0
    assert zawgyi_probability("ေကာင္းတယ္") > 0.99 > 0.01 > zawgyi_probability("ကောင်းတယ်")
    assert not is_zawgyi("မႈ") and is_zawgyi("မႈ", threshold=0.5)


def test_lines_are_decided_on_one_by_one():
    unicode, zawgyi = BURMESE[0], to_zawgyi(BURMESE[1])
    text = f"{unicode}\n{zawgyi}\r\nNo Burmese: 12 %\n{OTHERS['Shan'][0]}\n"
    found, lines = convert_lines(text)
    assert (canonical(found), lines) == (
        canonical(f"{unicode}\n{BURMESE[1]}\r\nNo Burmese: 12 %\n{OTHERS['Shan'][0]}\n"),
        1,
    )


def test_a_doubtful_line_goes_with_one_that_is_not():
    assert convert_lines("မႈ") == ("မႈ", 0)
    assert convert_lines("မႈ\nေကာင္းတယ္") == ("မှု\nကောင်းတယ်", 2)


def test_text_in_neither_encoding_stays():
    assert is_zawgyi("\u1039\u1039\u1039ေေ\u1039က")
    assert convert_lines("က\u1039\u1039\u1039 \u1039\u200b\u1039\nab")[0].endswith("\nab")


# --- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "char",
    ["\u1031", "\u1039", "\u103b", "\u103c", "\u1060", "\u102d", "\u108f", "က", "\u1040", "\u200b", "\ud800", "\0"],
)
def test_long_runs_end(char):
    # A quadratic step would take minutes.
    for text in (char * 300_000, f"က{char}" * 100_000, f"{char}\u1031" * 100_000):
        assert len(to_zawgyi(text)) <= 3 * len(text)
        assert convert_lines(text)[1] in (0, 1)


# --- real text -------------------------------------------------------------------------------------------------------

DATA = Path(__file__).parents[4] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data: real text, not part of a clone")


def nfc(text):
    return unicodedata.normalize("NFC", text)


@real
def test_real_pairs():
    pairs = [row for _, row in read_jsonl(DATA / "tasks/zawgyi_unicode_pairs.jsonl.zst")]
    assert all(is_zawgyi(row["text"]) and not is_zawgyi(row["unicode"]) for row in pairs)
    real_ones = [row for row in pairs if row["source"] == "google/myanmar-tools"]
    assert len(real_ones) > 90
    for row in real_ones:
        assert to_unicode(row["text"]) == nfc(row["unicode"]), row["id"]


@real
def test_real_lines_of_other_text():
    taken = []
    for _, row in read_jsonl(DATA / "parallel/flores_sib200.jsonl.zst"):
        texts = {row["lang"]: row["text"], **row["parallel"]}
        taken += [texts[code] for code in ("my", "shn") if is_zawgyi(texts.get(code, ""))]
    assert taken == []
