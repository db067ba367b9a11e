import pytest

from lontar import languages, samples
from lontar.core.config import load_yaml
from lontar.core.records import Document
from lontar.core.shards import read_jsonl
from lontar.data.filters import boilerplate, compiled, corpus_filter, first_reason
from tests.unit.data.encodings import misread, to_zawgyi

LANGS = samples.languages("parallel")


def sentences(code):
    return [row["text"] for _, row in read_jsonl(samples.path("parallel") / f"{code}.jsonl")]


def reason(spec, text, code="my"):
    doc = Document("d", text, code)
    return first_reason(compiled([spec]), doc, languages.get(code), "f:1", raw=doc)


# --- Zawgyi


def test_every_burmese_sentence_is_told_apart_from_its_zawgyi_form():
    for text in sentences("my"):
        assert reason("zawgyi", text) is None, text
        assert reason("zawgyi", to_zawgyi(text)) == "zawgyi", text


@pytest.mark.parametrize(
    "text",
    [
        "လိၵ်ႈတႆး ၽႃႇသႃႇတႆး ပဵၼ်ၽႃႇသႃႇဢၼ်ၵူၼ်းတႆးလၢတ်ႈ ၵေႃႇ မေႃး",  # Shan
        "အရေဝ်ဘာသာမန် ဂှ် မၞိဟ်မန်တံ ကေတ် လေပ် ဂွံ",  # Mon
        "ပဉ္စမ ဗြဟ္မာ ယောက်ျား ကျွန်ုပ် သင်္ကြန် ဥက္ကဋ္ဌ လျှော်ဖွပ် ကျေးဇူး",
        "The vowel sign ◌ေ is typed after the letter, and so is -ေ.",
        "",
        "ကခဂ",
    ],
)
def test_other_text_in_the_script_is_left_alone(text):
    assert reason("zawgyi", text) is None


def test_a_zawgyi_word_in_a_long_text_is_quoted_not_dropped():
    long = " ".join(sentences("my")[:20])
    assert reason("zawgyi", f"{long} {to_zawgyi('ကျေးဇူးတင်ပါတယ်။')}") is None
    assert reason({"zawgyi": {"max_share": 0.0}}, f"{long}\n{to_zawgyi('ကျေးဇူးတင်ပါတယ်။ နေကောင်းလား။')}") == "zawgyi"


# --- mojibake


@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "cp874", "gbk"])
@pytest.mark.parametrize("code", ["km", "lo", "my", "ta", "th", "zh"])
def test_every_sentence_in_an_own_script_is_found_when_misread(code, codec):
    for text in sentences(code):
        assert reason("mojibake", misread(text, codec), code) == "mojibake", text


def test_vietnamese_is_found_when_misread_as_western_european():
    for text in sentences("vi"):
        assert reason("mojibake", misread(text, "cp1252"), "vi") == "mojibake", text


@pytest.mark.parametrize("code", LANGS)
def test_right_text_is_not_mojibake(code):
    assert all(reason("mojibake", text, code) is None for text in sentences(code))


@pytest.mark.parametrize(
    "text",
    [
        "AÇÃO E REAÇÃO NÃO SÃO O MESMO",
        "Ông bảo: “Là…” rồi thôi, và bà nói: “Má…”",
        "don’t – it’s “fine” …",
        "naïve café",
        "เธอ เธอ เธอ แบบ เกม แบบเธอ",
        "25 °C ± 2 °C × 3½ — «oui»",
        "مرحبا",
    ],
)
def test_text_that_resembles_it_is_left_alone(text):
    assert reason("mojibake", text, "en") is None


def test_english_with_broken_quotation_marks_and_lost_characters():
    assert reason("mojibake", misread("“It’s late.”", "cp1252"), "en") == "mojibake"
    assert reason("mojibake", misread("Ça va, é só", "cp1252"), "en") == "mojibake"
    assert reason("mojibake", "แมว\ufffd\ufffdนอนหลับ", "th") == "mojibake"
    assert reason({"mojibake": {"max_lost": 0.5}}, "แมว\ufffd\ufffdนอนหลับ", "th") is None


def test_these_filters_see_the_text_before_normalization():
    doc = Document("d", misread("ထမင်းစားပြီးပြီလား", "latin-1"), "my")
    lang = languages.get("my")
    normal = Document("d", lang.normalized(doc.text), "my")
    assert first_reason(compiled(["mojibake"]), normal, lang, "f:1", raw=doc) == "mojibake"
    assert first_reason(compiled(["char_count"]), normal, lang, "f:1", raw=doc) is None
    marked = {entry.name for entry in corpus_filter if getattr(entry.function, "as_read", False)}
    assert marked == {"zawgyi", "mojibake"}


# --- boilerplate

TABLE = load_yaml(samples.path("parallel").parents[1] / "data/filters/boilerplate.yaml").value


def test_phrases_are_known_for_every_language_in_its_normal_form():
    assert set(TABLE) == {lang.code for lang in languages.all_languages() if lang.code in LANGS}
    for code, block in TABLE.items():
        assert set(block) == {"menu", "notice"}
        for phrase in (*block["menu"], *block["notice"]):
            assert languages.get(code).normalized(phrase) == phrase, (code, phrase)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_page_without_text_is_dropped_and_one_with_a_text_is_not(code):
    menu, notices = " | ".join(TABLE[code]["menu"][:6]), "\n".join(TABLE[code]["notice"][:3])
    assert reason("boilerplate", f"{menu}\n{notices}", code) == "boilerplate"
    text = "\n".join(sentences(code)[:12])
    assert reason("boilerplate", text, code) is None
    assert reason("boilerplate", f"{menu}\n{text}\n{text[::-1]}\n{TABLE[code]['notice'][0]}", code) is None


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Home | About us", 11),
        ("She went home about noon", 0),  # menu entries count when they stand alone
        ("Please read our privacy policy today", 13),
        ("prints privacy policyholders", 0),  # whole words only
        ("本网站使用Cookie政策说明", 11),  # spaces make no difference there
        ("© 2024 X. ALL RIGHTS  RESERVED", 17),
    ],
)
def test_letters_in_stock_phrases(text, letters):
    assert boilerplate.stock_letters(text) == letters


def test_a_poem_and_a_list_are_not_boilerplate():
    assert (
        reason("boilerplate", "rice\nbeans\ntwo limes\nfish sauce\n\nHome is the sailor,\nhome from sea", "en") is None
    )
